"""Reads an HDF5 file from a URL with h5py, whole and by ranges, and tells what it finds as JSON: python3 check.py URL PATH..."""

import io
import json
import sys
import urllib.request

import h5py
import numpy as np


class Remote(io.RawIOBase):
    """A file behind a URL; every read is a range request."""

    def __init__(self, url):
        self.url, self.at, self.received = url, 0, 0
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD")) as answer:
            self.size = int(answer.headers["content-length"])

    def seekable(self):
        return True

    def readable(self):
        return True

    def tell(self):
        return self.at

    def seek(self, offset, whence=0):
        self.at = offset + {0: 0, 1: self.at, 2: self.size}[whence]
        return self.at

    def readinto(self, buffer):
        end = min(self.size, self.at + len(buffer))
        if end <= self.at:
            return 0
        request = urllib.request.Request(self.url, headers={"range": f"bytes={self.at}-{end - 1}"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 206, answer.status
            body = answer.read()
        buffer[: len(body)] = body
        self.at += len(body)
        self.received += len(body)
        return len(body)


url, *paths = sys.argv[1:]
with urllib.request.urlopen(url) as answer:
    whole = io.BytesIO(answer.read())
remote = Remote(url)
found = {"size": remote.size, "datasets": {}}
with h5py.File(whole) as file, h5py.File(remote) as ranged:
    names = []
    file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    found["names"] = sorted(names)
    for path in paths:
        values = file[path][10:14, 5:50:20]
        assert np.array_equal(values, ranged[path][10:14, 5:50:20])
        data = file[path][()].astype(float)
        found["datasets"][path] = {
            "values": values.tolist(),
            "dtype": str(file[path].dtype),
            "shape": list(file[path].shape),
            "statistics": [data.size, data.min(), data.max(), data.mean(), data.std()],
        }
found["received"] = remote.received
print(json.dumps(found))

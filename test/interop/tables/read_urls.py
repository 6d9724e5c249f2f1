"""Reads tables and images from the URLs that Holdfast serves, by range where the library asks for ranges, and compares them with the files.

  python read_urls.py urls.json     {"name": {"url": ..., "file": ...}}
"""

import io
import json
import sys
import urllib.request

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq
from PIL import Image


def fetch(url):
    with urllib.request.urlopen(url) as answer:
        return answer.read()


def same(one, other):
    """NaN is as much itself as any other value."""
    real = [field.name for field in one.schema if pa.types.is_floating(field.type)]
    values = lambda table, name: np.array(table[name].to_pylist(), float)
    return one.drop(real).equals(other.drop(real)) and all(
        np.array_equal(values(one, name), values(other, name), equal_nan=True) for name in real
    )


def table(source, name):
    if name.endswith(".parquet"):
        return pq.read_table(source)
    return (ipc.open_stream if name.endswith(".arrows") else ipc.open_file)(source).read_all()


checked = 0
for name, place in json.load(open(sys.argv[1])).items():
    body = fetch(place["url"])
    assert body == open(place["file"], "rb").read(), f"{name}: other bytes"
    if name.endswith((".parquet", ".arrow", ".arrows")):
        here = table(pa.BufferReader(body), name)
        with fsspec.open(place["url"], "rb", block_size=4096) as remote:
            assert same(table(remote, name), here), f"{name}: another table by ranges"
        if name.endswith(".parquet"):
            with fsspec.open(place["url"], "rb", block_size=1024) as remote:
                assert same(pq.read_table(remote, columns=["i64"]), here.select(["i64"])), f"{name}: another column"
    else:
        assert Image.open(io.BytesIO(body)).size == tuple(place["size"]), f"{name}: another size"
        small = Image.open(io.BytesIO(fetch(place["thumbnail"])))
        assert max(small.size) <= 4, f"{name}: a small copy of {small.size}"
        assert fetch(place["thumbnailUrl"]) == fetch(place["thumbnail"]), f"{name}: another small copy by its URL"
        values = np.frombuffer(fetch(place["pixels"]), place["dtype"]).reshape(place["shape"]).squeeze()
        assert np.array_equal(values, np.asarray(Image.open(io.BytesIO(body)))), f"{name}: other pixels"
    checked += 1
print(f"{checked} read")

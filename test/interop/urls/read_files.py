"""numpy and h5py read data URLs and find what the files hold: `python read_files.py urls.json`, {"npy": {"url", "file"}, "hdf5": …}."""

import io
import json
import sys
from urllib.request import urlopen

import fsspec
import h5py
import numpy as np

places = json.load(open(sys.argv[1]))
npy, hdf5 = places["npy"], places["hdf5"]

array = np.load(npy["file"])
assert np.array_equal(np.load(io.BytesIO(urlopen(npy["url"]).read())), array)
with fsspec.open(npy["url"]) as file:
    assert np.array_equal(np.load(file), array)

with fsspec.open(hdf5["url"], block_size=4096, cache_type="readahead") as remote, h5py.File(remote) as there:
    with h5py.File(hdf5["file"]) as here:
        assert sorted(there) == sorted(here)
        for name in here:
            assert np.array_equal(there[name][7:9, 3:50], here[name][7:9, 3:50])
            assert np.array_equal(there[name][()], here[name][()])
with h5py.File(io.BytesIO(urlopen(hdf5["url"]).read())) as there:
    assert there["plain"][3, 4] == 1504
print("numpy and h5py read the URLs")

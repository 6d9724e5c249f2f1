"""Makes Zarr folders as laboratories hold them and two files: `python make_folders.py FOLDER`. Needs zarr 3 and h5py."""

import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
import h5py
import numpy as np
import zarr
from zarr.codecs import BloscCodec, GzipCodec, ZstdCodec

folder = Path(sys.argv[1])
random = np.random.default_rng(7)
image = random.integers(0, 4000, (70, 60), dtype="uint16")


def hierarchy(name, version, consolidated):
    """A group with arrays in it, with attributes, an array whose chunks were partly never written, and a single value."""
    keys = {"chunk_key_encoding": {"name": "v2", "separator": "/"}} if version == 2 else {}
    root = zarr.create_group(folder / name, zarr_format=version, attributes={"rig": "é", "gain": 2.5})
    whole = root.create_array("raw/image", shape=image.shape, chunks=(16, 32), dtype=image.dtype, **keys)
    whole[...] = image
    sparse = root.create_array("sparse", shape=(40, 40), chunks=(10, 10), dtype="float32", fill_value=-1)
    sparse[12:15, 3:30] = 7.5
    root.create_array("one", shape=(), chunks=(), dtype="int64")[...] = -5
    if consolidated:
        zarr.consolidate_metadata(root.store)


hierarchy("v2.zarr", 2, False)
hierarchy("v2-consolidated.zarr", 2, True)
hierarchy("v3.zarr", 3, False)
hierarchy("v3-consolidated.zarr", 3, True)

# One file holds 64 chunks, of which some are not there; and a whole file is not there either.
sharded = zarr.create_array(
    folder / "sharded.zarr", shape=(128, 64), shards=(64, 64), chunks=(8, 8), dtype="int32", fill_value=3,
    compressors=[ZstdCodec(level=3, checksum=True)],
)
sharded[0:32, :] = np.arange(32 * 64, dtype="int32").reshape(32, 64)
for name, codec in {"blosc": BloscCodec(cname="lz4"), "gzip": GzipCodec()}.items():
    array = zarr.create_array(folder / f"{name}.zarr", shape=image.shape, chunks=(70, 10), dtype=image.dtype, compressors=[codec])
    array[...] = image

np.save(folder / "array.npy", random.standard_normal((300, 40)))
with h5py.File(folder / "scan.h5", "w") as file:
    file.create_dataset("stack", data=random.standard_normal((200, 300)), chunks=(10, 300), compression="gzip")
    file.create_dataset("plain", data=np.arange(200_000, dtype="int32").reshape(400, 500))

# What urls.ts writes by value.
written = zarr.create_array(folder / "written.zarr", shape=(2, 3), chunks=(2, 3), dtype="int16")
written[...] = np.array([[1, -2, 300], [0, 5, 32767]], dtype="int16")

"""Opens Zarr folders by URL and from disk and finds the same, with zarr-python 2 or 3, whichever runs this.

  python read_zarr.py urls.json     {"folders": {"name": {"url", "folder"}}, "lost": {"url", "folder"}}

`lost` has lost the file of a chunk that it was written with: that must be an error, never the fill value. Prints one JSON object.
"""

import json
import sys
import warnings

warnings.simplefilter("ignore")
import aiohttp
import fsspec
import numpy as np
import zarr

is_new = int(zarr.__version__.split(".")[0]) >= 3
places = json.load(open(sys.argv[1]))

# What goes over the wire: method, status and bytes of each answer.
answers = []
request = aiohttp.ClientSession._request


async def counted(self, method, url, **options):
    answer = await request(self, method, url, **options)
    answers.append((method, answer.status, answer.content_length or 0))
    return answer


aiohttp.ClientSession._request = counted


def opened(url):
    yield "open", zarr.open(url, mode="r")
    if is_new:
        from zarr.storage import FsspecStore

        yield "store", zarr.open(FsspecStore.from_url(url, read_only=True), mode="r")
    else:
        yield "mapper", zarr.open(fsspec.get_mapper(url), mode="r")


def arrays(node, path=""):
    if isinstance(node, zarr.Array):
        yield path, node
    else:
        for name in known:
            if name in node:
                yield name, node[name]


def same(one, other):
    assert one.dtype == other.dtype and one.shape == other.shape, (one, other)
    assert np.array_equal(one[...], other[...])
    assert dict(one.attrs) == dict(other.attrs)
    if one.ndim == 2:
        assert np.array_equal(one[5:20:3, -7:], other[5:20:3, -7:])


# HTTP lists no folders: members are known by consolidated metadata, or by who asks.
known = ["raw/image", "sparse", "one"]
checked = 0
for name, place in places["folders"].items():
    here = zarr.open(place["folder"], mode="r")
    for way, there in opened(place["url"]):
        pairs = list(zip(arrays(there), arrays(here), strict=True))
        assert pairs, name
        for (path, one), (_, other) in pairs:
            same(one, other)
            checked += 1
        assert dict(there.attrs) == dict(here.attrs), name
    if "consolidated" in name:
        if is_new:
            group = zarr.open_consolidated(place["url"])
            members = sorted(name for name, _ in group.members(max_depth=None))
            assert members == ["one", "raw", "raw/image", "sparse"], members
        else:
            group = zarr.open_consolidated(place["url"], mode="r")
            assert sorted(group) == ["one", "raw", "sparse"], sorted(group)
        assert np.array_equal(group["raw/image"][...], here["raw/image"][...])

shard = None
if "sharded" in places["folders"]:
    array = zarr.open(places["folders"]["sharded"]["url"], mode="r")
    before = len(answers)
    assert array[3, 3] == 3 * 64 + 3
    # The index of the shard and one chunk of it, out of a larger file.
    shard = {"statuses": sorted({status for _, status, _ in answers[before:]}), "bytes": sum(size for _, _, size in answers[before:])}

lost = "read"
try:
    zarr.open(places["lost"]["url"], mode="r")[...]
except Exception as error:
    lost = f"{type(error).__name__}: {getattr(error, 'status', '')}"

statuses = sorted({status for _, status, _ in answers})
print(json.dumps({"zarr": zarr.__version__, "checked": checked, "shard": shard, "lost": lost, "statuses": statuses}))

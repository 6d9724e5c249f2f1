"""Reads the rows that Holdfast wrote with DataJoint as it comes: images and tables are objects to it, JSON and text bytes.

  python with_datajoint.py DSN SCHEMA STORES.json FILES
"""

import decimal
import gzip
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import neutral as N

dsn, schema, stores, files = sys.argv[1:]
dj = N.connect(dsn, N.resolve_stores(json.load(open(stores)), Path(stores).parent))
if isinstance(dj, tuple):
    dj = dj[0]


def loaded(stored):
    stored = bytes(stored)
    text = gzip.decompress(stored) if stored[:2] == b"\x1f\x8b" else stored
    return json.loads(text, parse_float=decimal.Decimal)


lab = dj.VirtualModule("lab", schema)
row = lab.Item()
assert sorted(key["item_id"] for key in row.keys()) == [1], "the row is not listed"
assert row.proj("title").fetch1("title") == "first"
assert loaded(row.fetch1("document")) == {"n": 9223372036854775807, "d": decimal.Decimal("0.10"), "list": ["again"] * 400}
assert loaded(row.fetch1("inline")) == {"a": [1, 2]}
assert bytes(row.fetch1("notes")).decode() == "é\n鼠"
for column, name in (("measured", "v2_zstd.parquet"), ("table", "file_lz4.arrow"), ("picture", "rgb.png")):
    found = row.fetch1(column)
    wanted = next(Path(files).rglob(name)).read_bytes()
    assert found.read() == wanted, f"{column}: other bytes"
    with tempfile.TemporaryDirectory() as folder:
        assert Path(found.download(folder)).read_bytes() == wanted, f"{column}: other bytes in the download"

# Its own collector sees that they are used.
found = dj.gc.GarbageCollector(lab.schema, store="main").collect(dry_run=True)
assert found["schema_paths_orphaned"] == 0 and found["hash_paths_orphaned"] == 0, found
print("read by DataJoint")

"""Reads the rows that Holdfast wrote with DataJoint and examples/datajoint/holdfast_codecs.py; lists them without it first.

  python with_datajoint.py DSN SCHEMA STORES.json EXAMPLES FILES
"""

import decimal
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import neutral as N

dsn, schema, stores, examples, files = sys.argv[1:]
dj = N.connect(dsn, N.resolve_stores(json.load(open(stores)), Path(stores).parent))
if isinstance(dj, tuple):
    dj = dj[0]


def item():
    return dj.VirtualModule("lab", schema).Item()


# Without the codecs: the rows and their other columns are there.
assert sorted(key["item_id"] for key in item().keys()) == [1], "the row is not listed"
assert item().proj("title").fetch1("title") == "first"

sys.path.insert(0, examples)
import holdfast_codecs  # noqa: E402, F401

row = item()
assert row.fetch1("document") == {"n": 9223372036854775807, "d": decimal.Decimal("0.10"), "list": ["again"] * 400}
assert row.fetch1("inline") == {"a": [1, 2]}
assert row.fetch1("notes") == "é\n鼠"
for column, name in (("measured", "v2_zstd.parquet"), ("table", "file_lz4.arrow"), ("picture", "rgb.png")):
    found = row.fetch1(column)
    wanted = next(Path(files).rglob(name)).read_bytes()
    assert found.read() == wanted, f"{column}: other bytes"
    with tempfile.TemporaryDirectory() as folder:
        assert Path(found.download(folder)).read_bytes() == wanted, f"{column}: other bytes in the download"
print("read by DataJoint")

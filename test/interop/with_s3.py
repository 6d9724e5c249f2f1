"""DataJoint on an S3 store that Holdfast uses too.

  python with_s3.py write --dsn postgresql://user:pw@host:port/db --schema lab --stores stores.json
  python with_s3.py read  --dsn ... --schema lab --stores stores.json --rows 1,2

`write` inserts rows 100 and 101 of Item, as a lab would, and reads them back. `read` prints the values of rows in neutral form
(neutral.py), one JSON object by row number.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import neutral as N
import numpy as np

ap = argparse.ArgumentParser()
ap.add_argument("mode", choices=["write", "read"])
ap.add_argument("--dsn", required=True)
ap.add_argument("--schema", required=True)
ap.add_argument("--stores", required=True)
ap.add_argument("--rows", default="100,101")
args = ap.parse_args()

stores = json.loads(Path(args.stores).read_text())
dj = N.connect(args.dsn, N.resolve_stores(stores, Path(args.stores).resolve().parent))
lab = dj.VirtualModule("lab", args.schema)
columns = ["array", "blob", "file", "bytes", "tree", "own"]


def write() -> None:
    with tempfile.TemporaryDirectory() as d:
        folder = Path(d) / "movie.zarr"
        (folder / "c" / "0").mkdir(parents=True)
        (folder / "zarr.json").write_text("{}")
        (folder / "c" / "0" / "0").write_bytes(bytes(range(256)))
        (folder / "empty").write_bytes(b"")
        note = Path(d) / "note é.txt"
        note.write_text("attached by DataJoint: é")
        single = Path(d) / "single.dat"
        single.write_bytes(b"one file" * 1000)
        row = dict(
            item_id=100,
            array=np.arange(24, dtype="float32").reshape(2, 3, 4) / 7,
            blob={"gain": 2, "channels": ["a", "b"], "nested": {"x": [1, 2.5, None]}},
            file=str(note),
            bytes=b"\x00\x01raw bytes\xff" * 5000,
            tree=str(folder),
            own="rigs/own é.bin",
        )
        other = {c: None for c in columns} | dict(item_id=101, tree=str(single))
        for one in (row, other):
            lab.Item.insert1(one, allow_direct_insert=True)


def without_folder(value: dict) -> dict:
    """Downloads bring the folder itself along, whose name has a random token."""
    if "files" in value:
        value["files"] = [[path.split("/", 1)[1], content] for path, content in value["files"]]
    return value


def read(rows: list[int]) -> dict:
    heading = lab.Item().heading
    out = {}
    for number in rows:
        with tempfile.TemporaryDirectory() as d:
            dj.config["download_path"] = d
            found = (lab.Item & {"item_id": number}).fetch1()
            out[number] = {c: without_folder(N.column_value(heading[c], found[c], None)) for c in columns}
    return out


if args.mode == "write":
    write()
print(json.dumps(read([int(r) for r in args.rows.split(",")]), ensure_ascii=True))

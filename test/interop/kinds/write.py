"""An unmodified DataJoint writes one row for each column of what `schema.graphql` describes; prints, as JSON, how each ended.

  python write.py --dsn postgresql://user:pw@host:port/db --stores stores.json --folder DIR
"""

import argparse
import datetime
import decimal
import json
import sys
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import neutral as N
import numpy as np

ap = argparse.ArgumentParser()
ap.add_argument("--dsn", required=True)
ap.add_argument("--stores", required=True)
ap.add_argument("--folder", required=True)
args = ap.parse_args()

dj = N.connect(args.dsn, json.loads(Path(args.stores).read_text()), fix=False)
tables = N.table_classes(dj.VirtualModule("kinds", "kinds", create_tables=False))
folder = Path(args.folder) / "sent.zarr"
(folder / "c").mkdir(parents=True)
(folder / "c" / "0").write_bytes(bytes(range(256)))
note = Path(args.folder) / "note é.txt"
note.write_text("attached by DataJoint: é")

values = {
    "scalar": {
        "int8": -128,
        "int16": 32767,
        "int32": -(2**31),
        "int64": 2**63 - 1,
        "float32": 0.1,
        "float64": -1.7976931348623157e308,
        "flag": True,
        "day": datetime.date(1858, 11, 17),
        "second": datetime.datetime(1969, 12, 31, 23, 59, 59),
        "microsecond": datetime.datetime(2024, 2, 29, 12, 0, 0, 1),
        "price": decimal.Decimal("-999999999.999"),
        "word": "it's \"quoted\" \\ é 漢字 %s {}",
        "code": "ab",
        "mood": "very wild",
        "document": {"a": [1, 2.5, None, True, "é"]},
        "raw": bytes([0, 255, 1, 128, 92, 39]),
        "token": uuid.UUID("0f0e0d0c-0b0a-4908-8706-050403020100"),
    },
    "stored": {
        "blob": {"gain": 2, "array": np.arange(3)},
        "file": str(note),
        "stored_blob": {"gain": 2, "array": np.arange(3)},
        "named_blob": [1, (2, {3})],
        "stored_file": str(note),
        "named_file": str(note),
        "hashed": b"bytes of a hash",
        "named_hashed": b"bytes of a hash",
        "array": np.arange(6, dtype=">i2").reshape(2, 3),
        "named_array": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "object": str(folder),
        "named_object": str(folder),
        "own": "rigs/own é.bin",
        "named_own": "rigs/own é.bin",
    },
}

ended = {}
for table, columns in values.items():
    for at, (column, value) in enumerate(columns.items()):
        try:
            tables[table].insert1({"n": 100 + at, column: value})
            ended[f"{table}.{column}"] = "ok"
        except Exception as e:
            ended[f"{table}.{column}"] = f"{type(e).__name__}: {e}".splitlines()[0]
print(json.dumps(ended, indent=1, ensure_ascii=False))

"""DataJoint opens a folder by the JSON of its row, as the object that the column is to it: `python open_folder.py STORE JSON TARGET`."""

import json
import sys
from pathlib import Path

import datajoint as dj
from datajoint.builtin_codecs.object import ObjectCodec

location, text, target = sys.argv[1:]
dj.config["loglevel"] = "ERROR"
dj.config.stores.update({"default": "main", "main": {"protocol": "file", "location": location}})
found = ObjectCodec().decode(json.loads(text))
listed = sorted(found.listdir()) if hasattr(found, "listdir") else []
found.download(target)
files = sorted(str(f.relative_to(target)) for f in Path(target).rglob("*") if f.is_file())
print(json.dumps({"isFolder": found.is_dir, "listed": listed, "files": [f.split("/", 1)[1] for f in files]}))

"""Opens the tables of a running Holdfast with DataJoint: python open_lab.py DATA_FOLDER SCHEMA. Needs datajoint[postgres] 2.3."""

import json
import sys
from pathlib import Path
from urllib.parse import unquote, urlparse

import datajoint as dj

data, schema = Path(sys.argv[1]).resolve(), sys.argv[2]

# Where the database is: with a server of your own, what you gave as DATABASE_URL.
url = urlparse(json.loads((data / "server.json").read_text())["databaseUrl"])
dj.config["database.backend"] = "postgresql"
dj.config["database.host"] = url.hostname
dj.config["database.port"] = url.port
dj.config["database.user"] = unquote(url.username)
dj.config["database.password"] = unquote(url.password)
dj.config["database.name"] = url.path.lstrip("/")
dj.config["database.use_tls"] = False

# Where the values are: with stores of your own, your datajoint.json, which both read.
dj.config.stores["default"] = "main"
dj.config.stores["main"] = {"protocol": "file", "location": str(data / "stores" / "main")}

# One class for each table. Holdfast's own columns are hidden.
lab = dj.VirtualModule("lab", schema, create_tables=False)
print("sessions:", len(lab.Session()))

# Rows, joined and restricted as ever; a trace is read when it is asked for. A row fetched with its notes
# saves them as a file where you are: ask for the attributes that you want.
recordings = lab.Session * lab.Sweep * lab.Recording & "session_id = 1"
row = recordings.proj("title", "voltage").to_dicts()[0]
voltage = row["voltage"].load()
print("first trace:", row["title"], voltage.dtype, voltage.shape)

# What Python writes, the API serves at once.
lab.Preparation.insert1({"preparation": "leech ganglion", "description": "Hirudo medicinalis"}, skip_duplicates=True)

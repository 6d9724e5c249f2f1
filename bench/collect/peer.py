"""Collects a store with DataJoint's own collector: URL SCHEMA LOCATION; prints what it reports as JSON."""

import json
import os
import sys
import time

os.environ["DJ_IGNORE_CONFIG_FILE"] = "true"

from urllib.parse import unquote, urlparse

import datajoint as dj

url, schema, location = sys.argv[1:]
server = urlparse(url)
dj.config["loglevel"] = "ERROR"
dj.config["database.backend"] = "postgresql"
dj.config["database.host"] = server.hostname
dj.config["database.port"] = server.port
dj.config["database.user"] = unquote(server.username or "")
dj.config["database.password"] = unquote(server.password or "none")
dj.config["database.name"] = server.path.lstrip("/")
dj.config["database.use_tls"] = False
dj.config["safemode"] = False
dj.config.stores.clear()
dj.config.stores.update({"default": "main", "main": {"protocol": "file", "location": location}})

collector = dj.gc.GarbageCollector(dj.Schema(schema, create_tables=False), store="main")
begin = time.monotonic()
report = collector.collect(dry_run=False)
seconds = time.monotonic() - begin
counts = {key: value for key, value in report.items() if isinstance(value, int)}
print(json.dumps({**counts, "scan_errors": report["scan_errors"], "seconds": seconds}))

"""DataJoint-Python as a worker on tables that Holdfast made.

  python peer.py --dsn … --log … --name p1

Each line of input is JSON: {"do": "refresh", "table": "Filled"}, with "fail" the key that is to fail; do is refresh, populate, errors, reserved,
progress, forget (drops the jobs) or clear (deletes the errors). The answer is a line that begins with "= ". Each call of make() writes a line to the log before it
inserts. The first line of output says that it is ready.
"""

import argparse
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import neutral as N

ap = argparse.ArgumentParser()
ap.add_argument("--dsn", required=True)
ap.add_argument("--log", required=True)
ap.add_argument("--name", default="python")
args = ap.parse_args()

dj = N.connect(args.dsn, {}, fix=False)
schema = dj.Schema("pipe")
calls = 0
failing = None


def made(self, key):
    global calls
    calls += 1
    attempt = f"{args.name}:{os.getpid()}:{calls}"
    with open(args.log, "a") as log:
        log.write(json.dumps({"by": args.name, "n": int(key["n"]), "attempt": attempt}) + "\n")
    if key["n"] == failing:
        raise ValueError("this key fails")
    self.insert1({**key, "made_by": attempt})


@schema
class Source(dj.Manual):
    definition = "n: int32"


@schema
class Filled(dj.Computed):
    definition = """
    -> Source
    ---
    made_by: varchar(80)
    """
    make = made


@schema
class Moment(dj.Manual):
    definition = "at: datetime(3)"


@schema
class Stamped(dj.Computed):
    definition = """
    -> Moment
    -> Source
    ---
    made_by: varchar(80)
    """
    make = made


@schema
class Bulk(dj.Imported):
    definition = """
    -> Source
    ---
    made_by: varchar(80)
    """
    make = made


tables = {"Filled": Filled, "Stamped": Stamped, "Bulk": Bulk}


def plain(row):
    return {name: value if isinstance(value, (int, str, type(None))) else str(value) for name, value in row.items()}


def populate(table):
    total, errors = 0, []
    while True:
        done = table.populate(reserve_jobs=True, refresh=False, suppress_errors=True)
        total += done["success_count"]
        errors += [message for _, message in done["error_list"]]
        if done["success_count"] == 0:
            return {"made": total, "errors": errors}


does = {
    "refresh": lambda table: table.jobs.refresh(),
    "populate": populate,
    "errors": lambda table: [plain(row) for row in table.jobs.errors.to_dicts()],
    "reserved": lambda table: [plain(row) for row in table.jobs.reserved.to_dicts()],
    "progress": lambda table: {**table.jobs.progress(), "rows": len(table)},
    "clear": lambda table: table.jobs.errors.delete(),
    "forget": lambda table: table.jobs.drop(),
}
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    failing = asked.get("fail")
    print("= " + json.dumps(does[asked["do"]](tables[asked["table"]]())), flush=True)

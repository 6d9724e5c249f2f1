"""DataJoint-Python as a worker on tables that Holdfast made.

  python peer.py --dsn … refresh Filled | populate Filled --log … --name p1 [--fail 31] | errors Filled | progress Filled
                          | forget Filled (drops its jobs) | clear Filled (deletes its errors)

The answer is one line of JSON. Each call of make() writes a line to the log before it inserts.
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
ap.add_argument("mode")
ap.add_argument("table")
ap.add_argument("--log")
ap.add_argument("--name", default="python")
ap.add_argument("--fail", type=int, default=-1)
ap.add_argument("--wait", action="store_true")
args = ap.parse_args()

dj = N.connect(args.dsn, {}, fix=False)
schema = dj.Schema("pipe")
calls = 0


def made(self, key):
    global calls
    calls += 1
    attempt = f"{args.name}:{os.getpid()}:{calls}"
    if args.log:
        with open(args.log, "a") as log:
            log.write(json.dumps({"by": args.name, "n": int(key["n"]), "attempt": attempt}) + "\n")
    if key["n"] == args.fail:
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


table = {"Filled": Filled, "Stamped": Stamped, "Bulk": Bulk}[args.table]()


def plain(row):
    return {name: value if isinstance(value, (int, str, type(None))) else str(value) for name, value in row.items()}


def populate():
    total, errors = 0, []
    while True:
        done = table.populate(reserve_jobs=True, refresh=False, suppress_errors=True)
        total += done["success_count"]
        errors += [message for _, message in done["error_list"]]
        if done["success_count"] == 0:
            return {"made": total, "errors": errors}


if args.wait:
    print("ready", flush=True)
    sys.stdin.readline()
answer = {
    "refresh": lambda: table.jobs.refresh(),
    "populate": populate,
    "errors": lambda: [plain(row) for row in table.jobs.errors.to_dicts()],
    "reserved": lambda: [plain(row) for row in table.jobs.reserved.to_dicts()],
    "progress": lambda: {**table.jobs.progress(), "rows": len(table)},
    "clear": lambda: table.jobs.errors.delete(),
    "forget": lambda: table.jobs.drop(),
}[args.mode]()
print(json.dumps(answer), flush=True)

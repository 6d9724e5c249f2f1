"""DataJoint-Python on tables that come under guard, and out of it, while it writes: it declares, writes, and reads what became of it.

  python peer.py declare  --dsn … --stores stores.json
  python peer.py write    … --seconds 10 --first 1000
  python peer.py spoil    …      (the client's own rebuild of lineage)
  python peer.py joins    … --subject Subject --key subject
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import neutral as N
import numpy as np

ap = argparse.ArgumentParser()
ap.add_argument("mode", choices=["declare", "write", "spoil", "joins"])
ap.add_argument("--dsn", required=True)
ap.add_argument("--stores", required=True)
ap.add_argument("--seconds", type=float, default=5)
ap.add_argument("--first", type=int, default=0)
ap.add_argument("--names", default="Subject,Scan,subject,movie")
args = ap.parse_args()

stores = json.loads(Path(args.stores).read_text())
dj = N.connect(args.dsn, N.resolve_stores(stores, Path(args.stores).resolve().parent), fix=False)
# What is fetched to be looked at lies with the rest of the trial, not where it was started.
dj.config["download_path"] = str(Path(args.stores).resolve().parent)


def declare():
    a = dj.Schema("pipe_a")
    b = dj.Schema("pipe_b")

    @a
    class Subject(dj.Manual):
        definition = """
        subject : varchar(20)
        ---
        sex : enum('F', 'M', 'U')
        notes = null : <blob@>
        """

    @a
    class Session(dj.Manual):
        definition = """
        -> Subject
        session : int32
        ---
        weight : float32
        """

    @b
    class Scan(dj.Imported):
        definition = """
        -> Session
        ---
        movie : <npy@>
        log : <attach@cold>
        """

        def make(self, key):
            self.insert1(key | {"movie": movie_of(key["session"]), "log": log_of(key["session"])})

    Subject.insert([{"subject": f"s{n}", "sex": "FMU"[n % 3], "notes": {"n": n}} for n in range(6)])
    Session.insert([{"subject": f"s{n % 6}", "session": n, "weight": n / 2} for n in range(30)])
    Scan.jobs.refresh()
    Scan.populate(reserve_jobs=True, max_calls=20)
    print(json.dumps({"scans": len(Scan()), "jobs": len(Scan.jobs)}))


def movie_of(n: int):
    return np.arange(100, dtype="int32").reshape(10, 10) + n


def log_of(n: int) -> str:
    path = Path(args.stores).parent / f"log{n}.txt"
    path.write_text(f"log {n}\n" * 20)
    return str(path)


def write():
    """Inserts, replaces by delete and insert, and transactions of two tables; nothing may be refused."""
    a, b = dj.VirtualModule("a", "pipe_a"), dj.VirtualModule("b", "pipe_b")
    until, n, failures = time.monotonic() + args.seconds, args.first, []
    subject = f"w{args.first}"
    a.Subject.insert1({"subject": subject, "sex": "U", "notes": {"by": args.first}}, skip_duplicates=True)
    while time.monotonic() < until:
        n += 1
        try:
            with dj.conn().transaction:
                a.Session.insert1({"subject": subject, "session": n, "weight": 1})
                b.Scan.insert1(
                    {"subject": subject, "session": n, "movie": movie_of(n), "log": log_of(n)},
                    allow_direct_insert=True,
                )
            if n % 5 == 0:
                (b.Scan & {"subject": subject, "session": n - 2}).delete_quick()
        except Exception as error:
            failures.append(repr(error))
        time.sleep(0.01)
    kept = sorted(int(s) for s in (b.Scan & {"subject": subject}).to_arrays("session"))
    print(json.dumps({"written": n - args.first, "failures": failures, "kept": kept}))


def spoil():
    a, b = dj.VirtualModule("a", "pipe_a"), dj.VirtualModule("b", "pipe_b")
    told = []
    for module in (a, b):
        try:
            dj.Schema(module.schema.database, create_tables=False).rebuild_lineage()
        except Exception as error:
            told.append(type(error).__name__)
    print(json.dumps({"failed": told}))


def joins():
    """Joins over both schemas, and every value, under whatever names the tables have by now."""
    subject_class, scan_class, key, movie = args.names.split(",")
    a, b = dj.VirtualModule("a", "pipe_a"), dj.VirtualModule("b", "pipe_b")
    subjects, scans = getattr(a, subject_class), getattr(b, scan_class)
    joined = subjects * a.Session * scans
    rows = joined.to_dicts()
    wrong = [r["session"] for r in rows if not np.array_equal(np.asarray(r[movie]), movie_of(r["session"]))]
    kinds = sorted({r["sex"] if "sex" in r else r["gender"] for r in rows})
    jobs = len(scans.jobs) if scans.jobs.is_declared else -1
    restricted = len(scans & (subjects & {key: "s1"}))
    subjects.insert1({key: f"new{scan_class}", **({"sex": "F"} if "sex" in subjects.heading.names else {"gender": "F"})})
    print(json.dumps({"rows": len(rows), "wrong": wrong, "kinds": kinds, "jobs": jobs, "restricted": restricted}))


{"declare": declare, "write": write, "spoil": spoil, "joins": joins}[args.mode]()

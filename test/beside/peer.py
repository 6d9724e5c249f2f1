"""DataJoint-Python beside a collector: one process that writes, samples, reads everything or collects.

  python peer.py write   --dsn … --stores stores.json --seconds 60 --seed 1 --first 1000000 --others 9000000
  python peer.py sample  … --seconds 60 --seed 1 --patience 30
  python peer.py read    …
  python peer.py collect … --seconds 60

Values come from a small pool, so that the same content dies and comes back again and again. A row carries the digest of each of its values in
`wanted`; numbers of rows are never used twice. Each event is one JSON object on a line of standard output. The client is used as it comes.
"""

import argparse
import hashlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))
import neutral as N
import numpy as np

ap = argparse.ArgumentParser()
ap.add_argument("mode", choices=["write", "sample", "read", "collect"])
ap.add_argument("--dsn", required=True)
ap.add_argument("--stores", required=True)
ap.add_argument("--seconds", type=float, default=10)
ap.add_argument("--seed", type=int, default=1)
ap.add_argument("--first", type=int, default=0)
ap.add_argument("--others", type=int, default=0)
ap.add_argument("--patience", type=float, default=30)
args = ap.parse_args()

stores = json.loads(Path(args.stores).read_text())
dj = N.connect(args.dsn, N.resolve_stores(stores, Path(args.stores).resolve().parent), fix=False)
lab = dj.VirtualModule("lab", "lab")
tables = {"item": lab.Item} | ({"cloud_item": lab.CloudItem} if "cloud" in stores else {})
fields = ["blob", "file", "array", "tree"]
contents = 8
rng = random.Random(args.seed)
until = time.monotonic() + args.seconds
folder = Path(tempfile.mkdtemp(prefix="holdfast-peer-"))
# The object is being deleted; a deadlock; a lock that was not granted in time; a serialization failure: do it again.
passing = {"55006", "40P01", "55P03", "40001"}


def say(**event) -> None:
    print(json.dumps(event), flush=True)


def sha256(*pieces: bytes) -> str:
    whole = hashlib.sha256()
    for piece in pieces:
        whole.update(piece)
    return whole.hexdigest()


# ------------------------------------------------------------------ values
def text_of(n: int) -> str:
    return f"content {n} " * (400 * (1 + n % 4))


def blob_of(n: int) -> dict:
    return {"number": n, "text": text_of(n)}


def array_of(n: int):
    return np.full((40, 50), n, dtype="int32")


def tree_of(n: int) -> dict:
    return {"a.txt": text_of(n).encode(), "c/0": bytes([n]) * 3000, "zarr.json": b"{}"}


def digest_of_tree(files: dict) -> str:
    return sha256(*(piece for path in sorted(files) for piece in (path.encode(), b"\0", files[path], b"\0")))


def make_files() -> None:
    for n in range(contents):
        (folder / f"content-{n}.txt").write_text(text_of(n))
        (folder / f"single-{n}.dat").write_bytes(tree_of(n)["a.txt"])
        for path, content in tree_of(n).items():
            at = folder / f"tree-{n}.zarr" / path
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(content)


def value_of(field: str, n: int):
    """What to insert, and its digest."""
    if field == "blob":
        return blob_of(n), sha256(json.dumps(blob_of(n), sort_keys=True, separators=(",", ":")).encode())
    if field == "file":
        return str(folder / f"content-{n}.txt"), sha256(text_of(n).encode())
    if field == "array":
        return array_of(n), sha256(array_of(n).tobytes())
    if n % 2 == 0:
        return str(folder / f"single-{n}.dat"), digest_of_tree({"": tree_of(n)["a.txt"]})
    return str(folder / f"tree-{n}.zarr"), digest_of_tree(tree_of(n))


def digest_of(field: str, value, downloads: Path):
    if value is None:
        return None
    if field == "blob":
        return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())
    if field == "file":
        return sha256(Path(value).read_bytes())
    if field == "array":
        return sha256(np.ascontiguousarray(value.load()).tobytes())
    if not value.is_dir:
        return digest_of_tree({"": value.read()})
    base = Path(value.download(downloads / "tree"))
    inner = list(base.iterdir())
    # From S3 the client brings the folder itself along.
    if len(inner) == 1 and inner[0].is_dir() and inner[0].name.startswith("tree_"):
        base = inner[0]
    found = (path for path in base.rglob("*") if path.is_file())
    return digest_of_tree({path.relative_to(base).as_posix(): path.read_bytes() for path in found})


# ------------------------------------------------------------------ writing
def code_of(error: BaseException):
    seen = error
    while seen is not None:
        code = getattr(seen, "pgcode", None)
        if code is not None:
            return code
        seen = seen.__cause__ or seen.__context__
    return None


def patiently(work) -> bool:
    """As the peer is told to: later again, from the upload on, while the key is being deleted. False: it was never its turn."""
    pause = 0.3
    while True:
        try:
            work()
            return True
        except Exception as error:
            code = code_of(error)
            if code not in passing:
                raise
            say(event="retry", code=code)
        if time.monotonic() > until + 10:
            return False
        time.sleep(pause * (0.5 + rng.random()))
        pause = min(4, pause * 2)


next_id = args.first


def new_row() -> dict:
    global next_id
    next_id += 1
    row, wanted = {"item_id": next_id}, {}
    for field in fields:
        row[field] = None
        if rng.random() < 0.6:
            row[field], wanted[field] = value_of(field, rng.randrange(contents))
    return row | {"wanted": wanted}


live: list[tuple[str, int]] = []


def insert() -> None:
    """One row, or several at once, whose uploads are all made before the statement: or in a transaction that stays open for a while."""
    name = rng.choice(list(tables))
    rows = [new_row() for _ in range(rng.choice([1, 1, 1, 2, 4]))]
    for row in rows:
        say(event="begin", table=name, id=row["item_id"], wanted=row["wanted"])
    if rng.random() < 0.15:

        def together() -> None:
            with dj.conn().transaction:
                for row in rows:
                    tables[name].insert1(row)
                time.sleep(rng.random() * 0.6)

        done = patiently(together)
    else:
        done = patiently(lambda: tables[name].insert(rows))
    if not done:
        return say(event="gave-up")
    for row in rows:
        live.append((name, row["item_id"]))
        say(event="there", table=name, id=row["item_id"], wanted=row["wanted"])


def delete(name: str, number: int) -> None:
    say(event="going", table=name, id=number)
    restricted = tables[name] & {"item_id": number}
    quickly = rng.random() < 0.5
    if not patiently(lambda: restricted.delete_quick() if quickly else restricted.delete(prompt=False)):
        return say(event="gave-up")
    say(event="gone", table=name, id=number)


def delete_of_others() -> None:
    """A row that Holdfast's own API has written."""
    name = rng.choice(list(tables))
    numbers = [row["item_id"] for row in (tables[name] & f"item_id >= {args.others}").proj().to_dicts()]
    if numbers:
        delete(name, rng.choice(numbers))


def write() -> None:
    make_files()
    while time.monotonic() < until:
        dice = rng.random()
        if dice < 0.06:
            delete_of_others()
        elif live and (len(live) > 3 or dice < 0.5):
            delete(*live.pop(rng.randrange(len(live))))
        else:
            insert()
        time.sleep(rng.random() * 0.03)


# ------------------------------------------------------------------ reading
def problem_with(name: str, number: int):
    """What is wrong with a row; None: nothing, or it is there no more."""
    restricted = tables[name] & {"item_id": number}
    with tempfile.TemporaryDirectory() as place:
        dj.config["download_path"] = place
        try:
            row = restricted.fetch1()
            found = {field: digest_of(field, row[field], Path(place)) for field in fields}
        except Exception as error:
            return None if len(restricted) == 0 else f"{type(error).__name__}: {error}"[:300]
    wrong = [field for field in fields if found[field] != row["wanted"].get(field)]
    return f"other bytes: {', '.join(wrong)}" if wrong and len(restricted) > 0 else None


def sample() -> None:
    """Rows at random; one that misses bytes is read again each second, until it is whole, gone, or out of patience."""
    waiting: dict[tuple[str, int], tuple[float, str]] = {}
    reads = 0
    while time.monotonic() < until or waiting:
        for key, (since, first) in list(waiting.items()):
            wrong, age = problem_with(*key), time.monotonic() - since
            if wrong is not None and age < args.patience:
                continue
            del waiting[key]
            kind = "late" if wrong is not None else "healed" if len(tables[key[0]] & {"item_id": key[1]}) > 0 else "vanished"
            say(event=kind, table=key[0], id=key[1], seconds=round(age, 1), first=first, now=wrong)
        if time.monotonic() < until:
            name = rng.choice(list(tables))
            numbers = [row["item_id"] for row in tables[name].proj().to_dicts()]
            for number in rng.sample(numbers, min(3, len(numbers))):
                reads += 1
                wrong = None if (name, number) in waiting else problem_with(name, number)
                if wrong is not None:
                    waiting[(name, number)] = (time.monotonic(), wrong)
                    say(event="missing", table=name, id=number, what=wrong)
        time.sleep(1 if waiting else 0.2)
    say(event="sampled", reads=reads)


def read() -> None:
    """Every row: what it is, and what is wrong with it."""
    for name, table in tables.items():
        for row in table.proj("wanted").to_dicts():
            wrong = problem_with(name, row["item_id"])
            say(event="row", table=name, id=row["item_id"], wanted=row["wanted"], wrong=wrong)


def collect() -> None:
    """The peer's own collector, as it is meant to be run, again and again."""
    schema = dj.Schema("lab", create_schema=False, create_tables=False)
    collectors = [dj.gc.GarbageCollector(schema, store=name) for name in ("main", "cloud") if name in stores]
    while time.monotonic() < until:
        for collector in collectors:
            stats = collector.collect(dry_run=False)
            say(event="collected", deleted=stats["deleted"], errors=stats["errors"], doubts=stats["scan_errors"])
        time.sleep(0.2)


{"write": write, "sample": sample, "read": read, "collect": collect}[args.mode]()

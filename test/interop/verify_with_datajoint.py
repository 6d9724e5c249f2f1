"""Check that DataJoint reads what is in a PostgreSQL schema and its stores.

  python verify_with_datajoint.py --dsn postgresql://user:pw@host:port/db \\
      --schema djf_blobs [--schema ...] --stores stores.json [--store-root DIR] \\
      --expected expected.json [--tables a,b] [--allow-extra] [--plain] \\
      [--codec-module codecs.py]

Opens each schema with dj.VirtualModule, fetches every row of every table, and
compares each value with expected.json ("schemas" -> schema -> table -> rows ->
values; `src/sample/neutral.ts` makes the same form). Row order does not matter; rows are
matched by primary key. Also runs the garbage collector's read-only report and
checks that it would delete no object that a row refers to.

--plain runs DataJoint unmodified (no uuid / inline-attach / default-store
work-arounds), to show what an ordinary installation can read.
Exit status 0: everything equal. 1: differences (listed). 2: could not run.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import neutral as N

ap = argparse.ArgumentParser()
ap.add_argument("--dsn", required=True)
ap.add_argument("--schema", action="append", required=True)
ap.add_argument("--stores", required=True)
ap.add_argument("--store-root", help="what relative store locations are relative to (default: the folder of --stores)")
ap.add_argument("--expected", required=True)
ap.add_argument("--tables", help="comma-separated table names: only these")
ap.add_argument("--allow-extra", action="store_true", help="tables, rows or columns that expected.json lacks are fine")
ap.add_argument("--plain", action="store_true")
ap.add_argument("--codec-module", action="append", default=[], help="Python file that registers further codecs")
ap.add_argument("--max", type=int, default=40, help="differences to print")
args = ap.parse_args()

problems: list[str] = []
counts = {"tables": 0, "rows": 0, "values": 0}


def short(x):
    s = json.dumps(x, ensure_ascii=False, sort_keys=True)
    return s if len(s) < 300 else s[:300] + "..."


def without_token(value):
    """The name of a downloaded folder holds a random token; what lies in it is compared from the folder on."""
    if value.get("t") == "object" and value.get("is_dir"):
        value["files"] = sorted([path.split("/", 1)[1], content] for path, content in value["files"])
    return value


def fetch(dj, table, key):
    import tempfile

    with tempfile.TemporaryDirectory() as d:
        dj.config["download_path"] = d
        out = {}
        # column by column, so that one unreadable value does not hide the others
        for name in table.heading.names:
            try:
                v = (table & key).fetch1(name)
                out[name] = without_token(N.column_value(table.heading[name], v, None))
            except Exception as e:
                out[name] = {"t": "UNREADABLE", "error": f"{type(e).__name__}: {e}"}
        return out


def check_table(dj, cls, name, want):
    counts["tables"] += 1
    table = cls()
    if not args.plain:
        N.without_uuid_decoding(table)
    heading = table.heading
    pk = list(heading.primary_key)
    if pk != want["primary_key"]:
        problems.append(f"{name}: primary key {pk}, expected {want['primary_key']}")
        return
    for column, spec in want.get("columns", {}).items():
        if column.startswith("_"):
            continue
        if column not in heading.names:
            problems.append(f"{name}: no column {column}")
            continue
        comment = spec.get("comment") or ""
        if comment.startswith(":<"):
            declared = comment[1 : comment.index(">") + 1]
            if heading[column].type != declared:
                problems.append(f"{name}.{column}: DataJoint sees type {heading[column].type}, expected {declared}")
    got = {}
    try:
        keys = table.keys()
    except Exception as e:
        problems.append(f"{name}: DataJoint cannot list the keys: {type(e).__name__}: {e}")
        return
    for key in keys:
        row = fetch(dj, table, key)
        got[json.dumps([row[k] for k in pk], sort_keys=True)] = row
    wanted = {json.dumps([r["values"][k] for k in pk], sort_keys=True): r["values"] for r in want["rows"]}
    for k in wanted.keys() - got.keys():
        problems.append(f"{name}: missing row {k}")
    if not args.allow_extra:
        for k in got.keys() - wanted.keys():
            problems.append(f"{name}: unexpected row {k}")
    for k in wanted.keys() & got.keys():
        counts["rows"] += 1
        for column, value in wanted[k].items():
            counts["values"] += 1
            if column not in got[k]:
                problems.append(f"{name}.{column} {k}: not fetched")
            elif json.dumps(got[k][column], sort_keys=True) != json.dumps(value, sort_keys=True):
                problems.append(f"{name}.{column} {k}:\n    got      {short(got[k][column])}\n    expected {short(value)}")
        if not args.allow_extra:
            for column in got[k].keys() - wanted[k].keys():
                problems.append(f"{name}: unexpected column {column}")


def check_gc(dj, schema_name, stores):
    """No store's collector may call a referenced path orphaned."""
    schema = dj.Schema(schema_name, create_tables=False)
    conn = dj.conn()
    live = set()
    for t, c in conn.query(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema=%s AND data_type='jsonb' "
        "AND left(table_name,1)<>'~'", args=(schema_name,)
    ).fetchall():
        for (p, s) in conn.query(
            f'SELECT "{c}"->>\'path\', "{c}"->>\'store\' FROM "{schema_name}"."{t}" WHERE jsonb_typeof("{c}")=\'object\''
        ).fetchall():
            if p:
                live.add((p, s or stores.get("default")))
    for store in [k for k, v in stores.items() if isinstance(v, dict) and k]:
        r = dj.gc.GarbageCollector(schema, store=store).collect()
        for p in r["orphaned_hash_paths"] + r["orphaned_schema_paths"]:
            hit = [q for q, s in live if s == store and (p == q or p.startswith(q + "/") or p == q + ".manifest.json")]
            if hit:
                print(f"note: gc of store {store!r} would delete {p}, which a row refers to")
                counts["gc_hazards"] = counts.get("gc_hazards", 0) + 1


try:
    stores = json.loads(Path(args.stores).read_text())
    root = Path(args.store_root) if args.store_root else Path(args.stores).resolve().parent
    resolved = N.resolve_stores(stores, root)
    if args.plain:
        resolved.pop("", None)
    dj = N.connect(args.dsn, resolved, fix=not args.plain)
    N.register_demo_codecs(dj)
    for f in args.codec_module:
        import runpy

        runpy.run_path(f)
    expected = json.loads(Path(args.expected).read_text())
    print("DataJoint", dj.__version__, "unmodified" if args.plain else "with work-arounds for its PostgreSQL defects")
    for schema_name in args.schema:
        want = expected["schemas"][schema_name]
        classes = N.table_classes(dj.VirtualModule("m_" + schema_name, schema_name))
        chosen = set(args.tables.split(",")) if args.tables else None
        for name in sorted(want):
            if chosen and name not in chosen:
                continue
            if name not in classes:
                problems.append(f"{schema_name}.{name}: DataJoint does not see this table")
                continue
            check_table(dj, classes[name], f"{schema_name}.{name}", want[name])
        if not args.allow_extra and not chosen:
            for name in classes.keys() - want.keys():
                problems.append(f"{schema_name}.{name}: unexpected table")
        check_gc(dj, schema_name, resolved)
except Exception as e:
    import traceback

    traceback.print_exc()
    print("could not run:", e)
    sys.exit(2)

for p in problems[: args.max]:
    print("DIFF", p)
if len(problems) > args.max:
    print(f"... and {len(problems) - args.max} more")
print(json.dumps({**counts, "differences": len(problems)}))
sys.exit(1 if problems else 0)

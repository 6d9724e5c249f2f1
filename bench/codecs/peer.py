"""The peer's side: one JSON request a line in, one answer a line out, so that both sides take turns within one run.

{"do": "codec", "what": "blob encode", "bytes": 1048576, "repeat": 8} -> seconds for one; {"do": "open", ...} and then "insert", "fetch", "metadata".
"""

import io
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "test" / "interop"))
import neutral as N
import numpy as np
from datajoint import blob

tables = None
arrays = {}


def wave(size):
    """The same numbers as ours.ts makes: a walk in steps of a thousandth, which deflate makes a quarter of."""
    if size not in arrays:
        steps = np.sin(np.arange(size // 8) * 12.9898) * 0.5
        arrays[size] = (np.round(np.cumsum(steps) * 1000) / 1000).reshape(-1, 16)
    return arrays[size]


def save(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def codec(what, size):
    array = wave(size)
    if what == "memcpy":
        return lambda: array.copy()
    if what == "npy encode":
        return lambda: save(array)
    if what == "npy decode":
        saved = save(array)
        return lambda: np.load(io.BytesIO(saved))
    if what == "blob encode":
        return lambda: blob.pack(array)
    packed = blob.pack(array)
    return lambda: blob.unpack(packed)


def timed(work, repeat):
    work()
    begin = time.perf_counter()
    for _ in range(repeat):
        work()
    return (time.perf_counter() - begin) / repeat


def rows(first, count, length):
    values = np.random.default_rng(first).normal(size=(count, length))
    key, field = ("sample_id", "wave") if tables["name"] == "Sample" else ("packed_id", "value")
    return [{key: first + i, field: values[i]} for i in range(count)]


def answer(ask):
    global tables
    if ask["do"] == "codec":
        return timed(codec(ask["what"], ask["bytes"]), ask["repeat"])
    if ask["do"] == "open":
        dj = N.connect(ask["dsn"], N.resolve_stores(ask["stores"], Path(".")), fix=False)
        lab = dj.VirtualModule("lab", ask["schema"])
        tables = {"name": "Sample", "Sample": lab.Sample, "Packed": lab.Packed}
        return 0
    tables["name"] = ask["table"]
    table = tables[ask["table"]]
    field = "wave" if ask["table"] == "Sample" else "value"
    if ask["do"] == "insert":
        given = rows(ask["first"], ask["count"], ask["length"])
        begin = time.perf_counter()
        table.insert(given, allow_direct_insert=True)
        return time.perf_counter() - begin
    key = "sample_id" if ask["table"] == "Sample" else "packed_id"
    page = table & f"{key} >= {ask['first']} AND {key} < {ask['first'] + ask['count']}"
    begin = time.perf_counter()
    # Not to_arrays: it reads every file, also where only what the rows tell is wanted.
    values = [row[field] for row in page.to_dicts()]
    if ask["do"] == "fetch" and field == "wave":
        values = [value.load() for value in values]
    took = time.perf_counter() - begin
    assert len(values) == ask["count"]
    assert ask["do"] == "metadata" or all(value.shape == (ask["length"],) for value in values)
    return took


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)

"""Insert into Holdfast's tables with DataJoint, as a lab would, and read the rows back with it.

  python write_with_datajoint.py --dsn postgresql://user:pw@host:port/db --schema lab --stores stores.json

Prints one JSON object with what was written. Exit status 0: everything went in and came back.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import neutral as N
import numpy as np

ap = argparse.ArgumentParser()
ap.add_argument("--dsn", required=True)
ap.add_argument("--schema", required=True)
ap.add_argument("--stores", required=True)
args = ap.parse_args()

stores = json.loads(Path(args.stores).read_text())
dj = N.connect(args.dsn, N.resolve_stores(stores, Path(args.stores).resolve().parent), fix=False)
lab = dj.VirtualModule("lab", args.schema)

session = 900
lab.Session.insert1(
    dict(
        session_id=session,
        preparation="squid giant axon",
        origin="measured",
        title="written by DataJoint",
        started_at=datetime.datetime(2026, 5, 1, 4, 30, 0, 123456),
        settings={"gain": 2, "offset": 0.5, "channels": ["a", "b"]},
    )
)
lab.Sweep.insert1(dict(session_id=session, sweep_idx=1, current=1.5, step_on=10.0, step_off=20.0))
voltage = np.arange(12, dtype="int16").reshape(3, 4)
lab.Recording.insert1(
    dict(session_id=session, sweep_idx=1, sampling_rate=1000.0, voltage=voltage), allow_direct_insert=True
)
times = np.array([1.5, 2.5, 4.0])
lab.SpikeTrain.insert1(
    dict(session_id=session, sweep_idx=1, spike_count=3, rate=30.0, resting_potential=-65.0, spike_times=times),
    allow_direct_insert=True,
)
back = (lab.Recording & {"session_id": session}).fetch1("voltage").load()
assert (back == voltage).all() and back.dtype == voltage.dtype
train = (lab.SpikeTrain & {"session_id": session}).fetch1("spike_times")
assert (train == times).all()

# Ordinary use of the client that must keep working over our hidden columns and holds.
assert len(lab.Recording & {"session_id": session}) == 1
assert len(lab.Session * lab.Sweep * lab.Recording & {"session_id": session}) == 1
lab.Session.descendants()
(lab.Session & {"session_id": session}).proj()
print(json.dumps({"session": session, "voltage": back.tolist(), "times": train.tolist()}))

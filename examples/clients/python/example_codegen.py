"""A client made by ariadne-codegen: every operation of queries.graphql is a method with typed arguments and answers.

Run:  ariadne-codegen && python example_codegen.py http://127.0.0.1:4000/graphql
"""

import base64
import io
import math
import sys
import time
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import httpx
import numpy as np
from lab_client import LabClient
from lab_client.enums import OrderDirection, Quality
from lab_client.exceptions import GraphQLClientGraphQLMultiError
from lab_client.input_types import (
    ArrayBase64Input,
    BigIntFilter,
    CreateSessionInput,
    CreateSubjectInput,
    DateTimeFilter,
    NdArrayInput,
    SessionFilter,
    SessionKey,
    SessionOrderBy,
    SessionPatch,
    SubjectFilter,
    SubjectKey,
    SubjectReferenceInput,
)


def array_input(array: np.ndarray) -> NdArrayInput:
    """Any numpy array, bit for bit."""
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
    return NdArrayInput(base_64=ArrayBase64Input(dtype=array.dtype.name, shape=list(array.shape), data=data))


url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:4000/graphql"
lab = LabClient(url, http_client=httpx.Client(timeout=30))

# An animal. Its number is above 2^53, where JSON numbers lose digits; here none is lost.
mouse = time.time_ns()
subject = lab.create_subject(
    CreateSubjectInput(subject_id=mouse, name=f"m{mouse}", born=date(2026, 2, 28), weight=Decimal("21.350"))
).create_subject.subject
assert subject is not None
assert subject.subject_id == mouse
assert subject.born == date(2026, 2, 28)
assert subject.weight == Decimal("21.350") and str(subject.weight) == "21.350"
this_mouse = SubjectReferenceInput(key=SubjectKey(subject_id=mouse))

# A session with a value of every kind, at the limits of each.
started = datetime(2026, 5, 1, 6, 30, 0, 123457, tzinfo=timezone(timedelta(hours=2)))
trace = np.random.default_rng(1).normal(-65, 5, (1000, 4)).astype("float32")
made = lab.create_session(
    CreateSessionInput(
        subject=this_mouse,
        session_idx=0,
        started_at=started,
        quality=Quality.POOR,
        comment="first",
        ticks=2**63 - 1,
        charge=Decimal("-12345678901234567890.123456789012345678"),
        gain=math.nan,
        rig=UUID("7f0c2f36-9a3e-4d1e-8a57-6f3a1e0c9b42"),
        checksum=b"\x00\xff\x10",
        settings={"channels": [1, 2], "filter": {"low": 0.1}},
        trace=array_input(trace),
    )
).create_session.session
assert made is not None
read = lab.get_session(subject_id=mouse, session_idx=0).session
assert read is not None
assert read.started_at == started and read.started_at.microsecond == 123457
assert read.quality is Quality.POOR
assert read.ticks == 2**63 - 1
assert read.charge == Decimal("-12345678901234567890.123456789012345678")
assert read.gain is not None and math.isnan(read.gain)
assert read.rig == UUID("7f0c2f36-9a3e-4d1e-8a57-6f3a1e0c9b42")
assert read.checksum == b"\x00\xff\x10"
assert read.settings == {"channels": [1, 2], "filter": {"low": 0.1}}

# An array: its facts are in the answer, its bytes are behind the URL, as a .npy file.
assert read.trace is not None and read.trace.dtype == "float32" and read.trace.shape == [1000, 4]
assert np.array_equal(np.load(io.BytesIO(httpx.get(read.trace.url).content)), trace)

# A patch changes what it names. None clears a field; what is left out stays as it is.
revised = lab.update_session(
    SessionKey(subject_id=mouse, session_idx=0), SessionPatch(ticks=-(2**63), comment=None, gain=-math.inf)
).update_session.session
assert revised is not None
assert revised.ticks == -(2**63) and revised.comment is None and revised.gain == -math.inf
assert revised.charge == read.charge and revised.checksum == read.checksum

# Many rows in one request.
rows = [
    CreateSessionInput(
        subject=this_mouse,
        session_idx=index,
        started_at=started + timedelta(microseconds=index),
        quality=Quality.GOOD,
    )
    for index in range(1, 251)
]
assert lab.create_sessions(rows).create_sessions.count == 250

# A list, page by page, newest first.
of_this_mouse = SessionFilter(
    subject=SubjectFilter(subject_id=BigIntFilter(eq=mouse)), started_at=DateTimeFilter(gt=started)
)
newest_first = [SessionOrderBy(started_at=OrderDirection.DESC)]
found: list[datetime] = []
after: str | None = None
while True:
    page = lab.list_sessions(where=of_this_mouse, order_by=newest_first, first=100, after=after).sessions
    found += [node.started_at for node in page.nodes]
    after = page.page_info.end_cursor
    if not page.page_info.has_next_page:
        break
assert found == [row.started_at for row in reversed(rows)]

# A variable that is left out leaves its filter out.
assert lab.count_sessions(subject_id=mouse).sessions.total_count == 251
assert lab.count_sessions(subject_id=mouse, started_at=found[:3]).sessions.total_count == 3
assert lab.count_sessions(subject_id=mouse, charge=read.charge).sessions.total_count == 1

# What goes wrong has a code to decide by, and a message to read.
try:
    lab.create_session(rows[0])
    raise AssertionError("a row with this key is there already")
except GraphQLClientGraphQLMultiError as error:
    (problem,) = error.errors
    assert problem.extensions is not None and problem.extensions["code"] == "CONSTRAINT_VIOLATION", problem.extensions
    print(f"refused, as it should be: {problem.message}")

print(f"ariadne-codegen: {len(found) + 1} sessions of mouse {mouse}, every value exact")
lab.http_client.close()

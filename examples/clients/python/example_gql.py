"""The gql library: documents as text, or put together in Python; nothing is generated.

Run:  python example_gql.py http://127.0.0.1:4000/graphql
"""

import io
import math
import sys
import time
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.request import urlopen
from uuid import UUID

import numpy as np
from gql import Client, gql
from gql.dsl import DSLQuery, DSLSchema, dsl_gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXTransport
from gql.utilities import update_schema_scalars
from graphql import GraphQLScalarType
from holdfast_scalars import SCALARS

url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:4000/graphql"
client = Client(
    transport=HTTPXTransport(url=url, timeout=30),
    fetch_schema_from_transport=True,
    serialize_variables=True,  # Python values in variables
    parse_results=True,  # Python values in answers
)
lab = client.connect_sync()

# The schema came from the service; here it learns what its scalars are in Python.
assert client.schema is not None
update_schema_scalars(
    client.schema,
    [
        GraphQLScalarType(name, serialize=serialize, parse_value=parse)
        for name, (serialize, parse) in SCALARS.items()
        if name in client.schema.type_map
    ],
)

values = """
  fragment Values on Session {
    subjectId sessionIdx startedAt quality comment ticks charge gain rig checksum settings
  }
"""
create_subject = gql(
    "mutation ($input: CreateSubjectInput!) { createSubject(input: $input) { subject { subjectId born weight } } }"
)
create_session = gql(
    "mutation ($input: CreateSessionInput!) { createSession(input: $input) { session { ...Values } } }" + values
)
update_session = gql(
    "mutation ($key: SessionKey!, $set: SessionPatch!) { updateSession(key: $key, set: $set) { session { ...Values } } }"
    + values
)
create_sessions = gql("mutation ($rows: [CreateSessionInput!]!) { createSessions(rows: $rows) { count } }")
get_session = gql(
    """query ($subjectId: BigInt!, $sessionIdx: Int!) {
         session(subjectId: $subjectId, sessionIdx: $sessionIdx) { ...Values trace { dtype shape url } }
       }"""
    + values
)
list_sessions = gql(
    """query ($where: SessionFilter, $after: String) {
         sessions(where: $where, orderBy: [{startedAt: DESC}], first: 100, after: $after) {
           nodes { sessionIdx startedAt }
           pageInfo { hasNextPage endCursor }
         }
       }"""
)


def ask(document, **variables):
    document.variable_values = variables
    return lab.execute(document)


# An animal. Its number is above 2^53, where JSON numbers lose digits; here none is lost.
mouse = time.time_ns()
subject = ask(
    create_subject,
    input={"subjectId": mouse, "name": f"m{mouse}", "born": date(2026, 2, 28), "weight": Decimal("21.350")},
)["createSubject"]["subject"]
assert subject == {"subjectId": mouse, "born": date(2026, 2, 28), "weight": Decimal("21.350")}
assert str(subject["weight"]) == "21.350"
this_mouse = {"key": {"subjectId": mouse}}

# A session with a value of every kind, at the limits of each.
started = datetime(2026, 5, 1, 6, 30, 0, 123457, tzinfo=timezone(timedelta(hours=2)))
trace = np.arange(12, dtype="int16").reshape(4, 3)
ask(
    create_session,
    input={
        "subject": this_mouse,
        "sessionIdx": 0,
        "startedAt": started,
        "quality": "POOR",
        "comment": "first",
        "ticks": 2**63 - 1,
        "charge": Decimal("-12345678901234567890.123456789012345678"),
        "gain": math.nan,
        "rig": UUID("7f0c2f36-9a3e-4d1e-8a57-6f3a1e0c9b42"),
        "checksum": b"\x00\xff\x10",
        "settings": {"channels": [1, 2]},
        "trace": {"values": {"dtype": "int16", "shape": list(trace.shape), "data": trace.tolist()}},
    },
)
read = ask(get_session, subjectId=mouse, sessionIdx=0)["session"]
assert math.isnan(read.pop("gain"))
stored = read.pop("trace")
assert read == {
    "subjectId": mouse,
    "sessionIdx": 0,
    "startedAt": started,
    "quality": "POOR",
    "comment": "first",
    "ticks": 2**63 - 1,
    "charge": Decimal("-12345678901234567890.123456789012345678"),
    "rig": UUID("7f0c2f36-9a3e-4d1e-8a57-6f3a1e0c9b42"),
    "checksum": b"\x00\xff\x10",
    "settings": {"channels": [1, 2]},
}

# An array: its facts are in the answer, its bytes are behind the URL, as a .npy file.
assert stored["dtype"] == "int16" and stored["shape"] == [4, 3]
assert np.array_equal(np.load(io.BytesIO(urlopen(stored["url"]).read())), trace)

# A patch changes what it names. None clears a field; what is left out stays as it is.
revised = ask(
    update_session,
    key={"subjectId": mouse, "sessionIdx": 0},
    set={"ticks": -(2**63), "comment": None, "gain": -math.inf},
)["updateSession"]["session"]
assert (revised["ticks"], revised["comment"], revised["gain"]) == (-(2**63), None, -math.inf)
assert revised["charge"] == read["charge"]

# Many rows in one request, and a list page by page.
rows = [
    {
        "subject": this_mouse,
        "sessionIdx": index,
        "startedAt": started + timedelta(microseconds=index),
        "quality": "GOOD",
    }
    for index in range(1, 251)
]
assert ask(create_sessions, rows=rows)["createSessions"]["count"] == 250
of_this_mouse = {"subject": {"subjectId": {"eq": mouse}}, "startedAt": {"gt": started}}
found, after = [], None
while True:
    page = ask(list_sessions, where=of_this_mouse, after=after)["sessions"]
    found += [node["startedAt"] for node in page["nodes"]]
    after = page["pageInfo"]["endCursor"]
    if not page["pageInfo"]["hasNextPage"]:
        break
assert found == [row["startedAt"] for row in reversed(rows)]

# The same without text: fields and arguments as Python, checked against the schema as they are written.
ds = DSLSchema(client.schema)
query = dsl_gql(
    DSLQuery(
        ds.Query.session(subjectId=mouse, sessionIdx=0).select(ds.Session.ticks, ds.Session.startedAt),
    )
)
assert lab.execute(query)["session"] == {"ticks": -(2**63), "startedAt": started}

# What goes wrong has a code to decide by, and a message to read.
try:
    ask(create_session, input=rows[0])
    raise AssertionError("a row with this key is there already")
except TransportQueryError as error:
    (problem,) = error.errors or []
    assert problem["extensions"]["code"] == "CONSTRAINT_VIOLATION", problem
    print(f"refused, as it should be: {problem['message']}")

client.close_sync()
print(f"gql: {len(found) + 1} sessions of mouse {mouse}, every value exact")

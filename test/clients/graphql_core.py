"""The printed schema and the served one, in the eyes of graphql-core; the served one as gql asks for it."""

import sys
from pathlib import Path

from gql import Client
from gql.transport.httpx import HTTPXTransport
from graphql import build_schema, lexicographic_sort_schema, print_schema, validate_schema

printed = build_schema(Path(sys.argv[1]).read_text())
assert validate_schema(printed) == []
text = print_schema(lexicographic_sort_schema(printed))
assert print_schema(lexicographic_sort_schema(build_schema(text))) == text

introspection = {
    "descriptions": True,
    "specified_by_url": True,
    "directive_is_repeatable": True,
    "schema_description": True,
    "input_value_deprecation": True,
}
for options in ({}, introspection):
    transport = HTTPXTransport(url=sys.argv[2])
    client = Client(transport=transport, fetch_schema_from_transport=True, introspection_args=options)
    with client:
        assert client.schema is not None
        assert validate_schema(client.schema) == []
        assert set(client.schema.type_map) == set(printed.type_map)
print("ok")

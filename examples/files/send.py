"""Sends a file to the notes of a session: python send.py FILE SESSION. Nothing but the standard library."""

import hashlib
import json
import os
import sys
from urllib.request import Request, urlopen

API = os.environ.get("HOLDFAST_URL", "http://127.0.0.1:4000") + "/graphql"


def ask(query: str, variables: dict) -> dict:
    body = json.dumps({"query": query, "variables": variables}).encode()
    with urlopen(Request(API, body, {"content-type": "application/json"})) as answer:
        told = json.load(answer)
    if "errors" in told:
        raise SystemExit(told["errors"][0]["message"])
    return told["data"]


path, session = sys.argv[1], int(sys.argv[2])
with open(path, "rb") as file:
    sha256 = hashlib.file_digest(file, "sha256").hexdigest()
target = {"type": "Session", "field": "notes", "key": {"sessionId": session}}
declared = {"filename": os.path.basename(path), "sizeBytes": str(os.path.getsize(path)), "sha256": sha256}
upload = ask(
    "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url } }",
    {"input": {"target": target, **declared}},
)["createUpload"]

with open(path, "rb") as file:  # streamed, not read into memory
    headers = {"content-length": declared["sizeBytes"]}
    urlopen(Request(upload["url"], file, headers, method="PUT")).close()

ask(
    """mutation ($id: ID!, $session: Int!) {
      completeUpload(id: $id) { state }
      updateSession(key: {sessionId: $session}, set: {notes: {upload: $id}}) { affected { count } }
    }""",
    {"id": upload["id"], "session": session},
)

#!/bin/sh
# Sends a file to the notes of a session: sh send.sh FILE SESSION
set -eu
api=${HOLDFAST_URL:-http://127.0.0.1:4000}/graphql
file=$1
session=$2

ask() {
  answer=$(curl -fsS "$api" -H 'content-type: application/json' --data-binary @-)
  case $answer in *'"errors"'*) echo "$answer" >&2 && exit 1 ;; esac
  echo "$answer"
}
value() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

# Reserve a place, and say what will come: other bytes are refused.
size=$(wc -c <"$file" | tr -d ' ')
sha256=$(openssl dgst -sha256 -r <"$file" | cut -d' ' -f1)
upload=$(ask <<END
{"query": "mutation (\$input: CreateUploadInput!) { createUpload(input: \$input) { id url } }",
 "variables": {"input": {"target": {"type": "Session", "field": "notes", "key": {"sessionId": $session}},
   "filename": "$(basename "$file")", "sizeBytes": "$size", "sha256": "$sha256"}}}
END
)
id=$(echo "$upload" | value id)

# Send the bytes. Sending the same ones again is fine, so curl may try again.
curl -fsS --retry 5 --upload-file "$file" "$(echo "$upload" | value url)"
echo

# All of it is there: put it into the row.
ask <<END
{"query": "mutation (\$id: ID!) { completeUpload(id: \$id) { state } updateSession(key: {sessionId: $session}, set: {notes: {upload: \$id}}) { session { notes { name sizeBytes } } } }",
 "variables": {"id": "$id"}}
END

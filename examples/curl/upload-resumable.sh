#!/bin/sh
# Sends a file for a field, in pieces; run again after anything went wrong, it goes on where it was. Needs curl.
#
#   upload-resumable.sh http://localhost:4000 Recording traces recording.bin
#
# Prints the id of the upload: give it to the field as {upload: "ID"}. HOLDFAST_TOKEN is sent where it is set.
set -eu

service=$1 type=$2 field=$3 file=$4
chunk=${CHUNK_BYTES:-8388608}
state=$file.upload
size=$(wc -c <"$file" | tr -d ' ')

ask() { # a GraphQL request in JSON; answers the JSON, or fails with it
  answer=$(printf '%s' "$1" | curl -sS -H 'Content-Type: application/json' \
    ${HOLDFAST_TOKEN:+-H "Authorization: Bearer $HOLDFAST_TOKEN"} --data-binary @- "$service/graphql")
  case $answer in *'"errors"'*) echo "$answer" >&2; return 1 ;; esac
  printf '%s\n' "$answer"
}

# The upload of an earlier run is gone on with.
if [ ! -s "$state" ]; then
  name=$(basename "$file" | sed 's/[\\"]/_/g')
  made=$(ask '{"query": "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id resumableUrl } }", "variables": {"input": {
    "target": {"type": "'"$type"'", "field": "'"$field"'"}, "filename": "'"$name"'", "sizeBytes": "'"$size"'"}}}')
  printf '%s\n' "$made" | sed -n 's/.*"id":"\([^"]*\)".*"resumableUrl":"\([^"]*\)".*/\1 \2/p' >"$state"
fi
read -r id url <"$state"

failures=0
while :; do
  # Where to go on. 423: the server has not yet noticed that an earlier connection is dead.
  head=$(curl -sS -I -H 'Tus-Resumable: 1.0.0' "$url" | tr -d '\r') || head=
  offset=$(printf '%s\n' "$head" | sed -n 's/^[Uu]pload-[Oo]ffset: //p')
  case $head in *' 404 '* | *' 410 '*) echo "This upload is over; remove $state to begin another." >&2; exit 1 ;; esac
  if [ "$offset" = "$size" ]; then break; fi
  if [ -n "$offset" ] && tail -c "+$((offset + 1))" "$file" | head -c "$chunk" | curl -sS -f -X PATCH -o /dev/null \
    -H 'Tus-Resumable: 1.0.0' -H 'Content-Type: application/offset+octet-stream' -H "Upload-Offset: $offset" \
    -H 'Expect:' --data-binary @- "$url"; then
    failures=0
  else
    failures=$((failures + 1))
    if [ "$failures" -ge "${MAX_FAILURES:-10}" ]; then echo "No progress; run this again later." >&2; exit 1; fi
    sleep 1
  fi
done

ask '{"query": "mutation ($id: ID!) { completeUpload(id: $id) { state } }", "variables": {"id": "'"$id"'"}}' >/dev/null
rm -f "$state"
echo "$id"

#!/bin/sh
# Sends a file to a field in parts, each straight to the field's store, and prints the id that a mutation then takes as {upload: ID}.
# Where the store takes no parts the whole file goes to the service. Needs curl and sha256sum.
#
#   upload-parts.sh http://localhost:4000 Recording traces recording.npy [PARTS]
#
# HOLDFAST_TOKEN is sent where it is set.
set -eu

service=$1 type=$2 field=$3 file=$4 parts=${5:-4}
piece=$(mktemp)
trap 'rm -f "$piece"' EXIT

# One GraphQL request; its JSON must hold no errors.
ask() {
  set -- "$@" -H 'content-type: application/json'
  [ -z "${HOLDFAST_TOKEN:-}" ] || set -- "$@" -H "authorization: Bearer $HOLDFAST_TOKEN"
  answer=$(curl -sS "$service/graphql" --data-binary @- "$@")
  case $answer in
    '{"data":'*) printf '%s\n' "$answer" ;;
    *) printf '%s\n' "$answer" >&2; exit 1 ;;
  esac
}

# The first text of that name in a JSON answer.
text() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | head -n 1; }

size=$(($(wc -c < "$file")))
digest=$(sha256sum < "$file" | cut -d ' ' -f 1)
name=$(basename "$file" | sed 's/[\\"]/_/g')
made=$(ask <<JSON
{"query": "mutation (\$input: CreateUploadInput!) { createUpload(input: \$input) { parts { number sizeBytes } url id } }",
 "variables": {"input": {"target": {"type": "$type", "field": "$field"}, "filename": "$name",
   "sizeBytes": "$size", "sha256": "$digest", "parts": $parts}}}
JSON
)
id=$(printf '%s' "$made" | text id)

# A URL for one part lives 15 minutes, so each is asked for when its turn comes; a part that fails is sent again by another.
send_part() {
  number=$1 bytes=$2 offset=$3
  tail -c "+$((offset + 1))" "$file" | head -c "$bytes" > "$piece"
  for try in 1 2 3; do
    url=$(ask <<JSON | text url
{"query": "mutation { signUploadParts(id: \"$id\", numbers: [$number]) { url } }"}
JSON
)
    curl -sS --fail -o /dev/null -T "$piece" "$url" && return
    echo "part $number failed ($try)" >&2
  done
  return 1
}

case $made in
  *'"parts":null'*) curl -sS --fail -o /dev/null -T "$file" "$(printf '%s' "$made" | text url)" ;;
  *)
    offset=0
    for part in $(printf '%s' "$made" | grep -o '"number":[0-9]*,"sizeBytes":"[0-9]*"' | tr -dc '0-9,\n'); do
      send_part "${part%,*}" "${part#*,}" "$offset"
      offset=$((offset + ${part#*,}))
    done
    ;;
esac

# The service puts the parts together and reads them back. A long file takes long: then the answer is VERIFYING, and one asks again.
state=VERIFYING
while [ "$state" = VERIFYING ]; do
  state=$(ask <<JSON | text state
{"query": "mutation { completeUpload(id: \"$id\") { state } }"}
JSON
)
done
[ "$state" = COMPLETE ]
echo "$id"

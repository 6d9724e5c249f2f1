#!/bin/sh
# Fetches the voltage of a sweep, and checks it: sh fetch.sh SESSION SWEEP FILE
set -eu
api=${HOLDFAST_URL:-http://127.0.0.1:4000}/graphql
file=$3

url=$(curl -fsS "$api" -H 'content-type: application/json' --data-binary @- <<END | sed -n 's/.*"url":"\([^"]*\)".*/\1/p'
{"query": "{ recording(sessionId: $1, sweepIdx: $2) { voltage { url } } }"}
END
)

# The strong ETag is the digest of the whole, wherever one is recorded.
etag=$(curl -fsSI "$url" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')

# Goes on where an earlier run stopped (-C -), and only with the bytes of the same value (If-Match).
curl -fsS --retry 5 -C - -H "If-Match: $etag" -o "$file.part" "$url"

sha256=$(openssl dgst -sha256 -r <"$file.part" | cut -d' ' -f1)
[ "$etag" = "\"sha256:$sha256\"" ] || { rm "$file.part"; echo "damaged on the way; fetch it again" >&2; exit 1; }
mv "$file.part" "$file"

/** Requests as bytes: bodies, encodings, heads and chunks beside the rules of HTTP and GraphQL. */

import { createHash } from "node:crypto";
import { deflateSync, gzipSync } from "node:zlib";
import { anyDocument, anyValue, costly, costlyBodies, costlyVariables, mutated } from "./bodies.ts";
import type { Random } from "./random.ts";

/** One request. */
export interface FuzzRequest {
  readonly name: string;
  /** What goes over the wire; the answer ends with the connection. */
  readonly bytes: Buffer;
  /** The server is owed more than is sent: no answer is expected. */
  readonly incomplete?: boolean;
}

const filtered =
  "query($where: SampleFilter, $first: Int) { samples(where: $where, first: $first) { nodes { label } totalCount } }";
const create = "mutation($input: CreateSampleInput!) { createSample(input: $input) { sample { sampleId } } }";

/** A GraphQL request of the given body, well-formed as HTTP. */
function post(name: string, body: string | Buffer, head = "Content-Type: application/json\r\n"): FuzzRequest {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return { name, bytes: Buffer.concat([Buffer.from(start("POST /graphql", head + length(bytes))), bytes]) };
}

function start(line: string, head: string): string {
  return `${line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${head}\r\n`;
}

function length(bytes: Buffer): string {
  return `Content-Length: ${bytes.length}\r\n`;
}

/** Every request that is known to be costly where nothing limits it. */
export function costlyRequests(): readonly FuzzRequest[] {
  return [
    ...Object.entries(costly).map(([name, query]) => post(name, JSON.stringify({ query }))),
    ...Object.entries(costlyVariables).map(([name, variables]) =>
      post(name, `{"query": ${JSON.stringify(filtered)}, "variables": ${variables}}`),
    ),
    ...Object.entries(costlyBodies).map(([name, body]) => post(name, body)),
    post(
      "extensions in depth",
      `{"query": "{ __typename }", "extensions": ${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`,
    ),
    get("a query of percent signs", `query=${"%25".repeat(5000)}`),
    get("many parameters", "a&".repeat(7000)),
  ];
}

/** Any request. */
export function anyRequest(random: Random): FuzzRequest {
  const kinds = [
    malformedJson,
    documents,
    variables,
    input,
    wrongMembers,
    encodings,
    heads,
    chunks,
    byGet,
    lines,
  ] as const;
  return random.pick(kinds)(random);
}

function malformedJson(random: Random): FuzzRequest {
  const whole = JSON.stringify({
    query: "{ samples { totalCount } }",
    variables: { where: anyValue(random) },
  });
  const bytes = Buffer.from(random.chance(0.5) ? mutated(random, whole) : whole);
  for (let n = random.below(4); n > 0; n--) bytes[random.below(bytes.length)] = random.below(256);
  return post("malformed JSON", random.chance(0.3) ? bytes.subarray(0, random.below(bytes.length)) : bytes);
}

function documents(random: Random): FuzzRequest {
  return post("document", JSON.stringify({ query: anyDocument(random), variables: { a: anyValue(random) } }));
}

function variables(random: Random): FuzzRequest {
  const given = { where: anyValue(random), first: anyValue(random, 4) };
  return post(
    "variables",
    JSON.stringify({ query: filtered, variables: random.chance(0.9) ? given : anyValue(random) }),
  );
}

/** Always without the label, which is required: nothing may be written. */
function input(random: Random): FuzzRequest {
  const given = anyValue(random);
  const object = given !== null && typeof given === "object" ? { ...given, label: null } : given;
  return post("input", JSON.stringify({ query: create, variables: { input: object } }));
}

function wrongMembers(random: Random): FuzzRequest {
  const names = [
    "query",
    "variables",
    "operationName",
    "extensions",
    "documentId",
    "doc_id",
    "__proto__",
    "id",
  ] as const;
  const persisted = {
    persistedQuery: {
      version: random.pick([1, 2, "1", null]),
      sha256Hash: random.pick([
        anyValue(random),
        createHash("sha256").update("{ __typename }").digest("hex"),
      ]),
    },
  };
  const entries = random.some(
    5,
    () => [random.pick(names), random.pick([anyValue(random), "{ __typename }", persisted])] as const,
  );
  return post("members", JSON.stringify(Object.fromEntries(entries)));
}

function encodings(random: Random): FuzzRequest {
  const text = JSON.stringify({ query: '{ samples(where: {label: {eq: "é😀"}}) { totalCount } }' });
  const body = random.pick([
    Buffer.from(text, "utf16le"),
    Buffer.from(text, "latin1"),
    Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(text)]),
    gzipSync(text),
    deflateSync(text),
    Buffer.from(text).subarray(0, -3),
    Buffer.from(text.replace("é", "\\ud83d")),
  ]);
  const type = random.pick([
    "application/json",
    "application/json; charset=utf-16",
    'application/json; charset="',
    "application/graphql-response+json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/json, text/html",
    ";",
    "é/é",
  ]);
  const encoding = random.pick([
    "",
    "Content-Encoding: gzip\r\n",
    "Content-Encoding: br, gzip\r\n",
    "Content-Encoding: none\r\n",
  ]);
  return post("encoding", body, `Content-Type: ${type}\r\n${encoding}`);
}

function heads(random: Random): FuzzRequest {
  const head = [
    ...random.some(4, () =>
      random.pick([
        "Accept: text/event-stream",
        "Accept: multipart/mixed; deferSpec=20220824",
        "Accept: application/graphql-response+json;q=2",
        `Accept: ${"a/b,".repeat(3000)}`,
        "Accept: \x01",
        "Accept:",
        "Apollo-Require-Preflight: 1",
        "X-HTTP-Method-Override: DELETE",
        "X-Forwarded-Host: evil.example",
        "Forwarded: for=1;host=evil.example",
        "Expect: 100-continue",
        "Expect: 200-ok",
        "Upgrade: websocket\r\nConnection: Upgrade",
        "Upgrade: h2c",
        "Origin: null",
        "Authorization: Bearer ",
        `Authorization: Basic ${"A".repeat(5000)}`,
        "Range: bytes=0-0,1-1,2-",
        "If-None-Match: *",
        "Cookie: __proto__=1; constructor=2",
        "Transfer-Encoding: identity",
        "Content-Length: 5",
        "Date: yesterday",
        "é: é",
        " folded: yes",
        `${"x".repeat(2000)}: y`,
      ]),
    ),
    "Content-Type: application/json",
  ];
  return post("head", JSON.stringify({ query: "{ samples { totalCount } }" }), `${head.join("\r\n")}\r\n`);
}

function chunks(random: Random): FuzzRequest {
  const body = Buffer.from(
    JSON.stringify({ query: "{ samples { totalCount } }", variables: { a: anyValue(random) } }),
  );
  const parts: Buffer[] = [
    Buffer.from(start("POST /graphql", "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n")),
  ];
  for (let at = 0; at < body.length; ) {
    const piece = body.subarray(at, at + 1 + random.below(40));
    at += piece.length;
    const size = random.chance(0.03)
      ? random.pick(["-1", "g", "", "fffffffffffffffff", "0x5"])
      : piece.length.toString(16);
    const extension = random.chance(0.2) ? random.pick([";a=b", ';a="', `;${"x".repeat(500)}`]) : "";
    parts.push(
      Buffer.from(`${size}${extension}\r\n`),
      piece,
      Buffer.from(random.chance(0.02) ? "\n" : "\r\n"),
    );
  }
  const ends = random.chance(0.9);
  parts.push(
    Buffer.from(ends ? `0\r\n${random.pick(["", "", "X: y\r\n", "Host: evil.example\r\n"])}\r\n` : ""),
  );
  // A size that is wrong may ask for more than there is.
  return { name: "chunks", bytes: Buffer.concat(parts), incomplete: true };
}

function get(name: string, search: string): FuzzRequest {
  return {
    name,
    bytes: Buffer.from(start(`GET /graphql?${search}`, "Apollo-Require-Preflight: 1\r\n"), "latin1"),
  };
}

function byGet(random: Random): FuzzRequest {
  const parts = random.some(4, () => {
    const name = random.pick([
      "query",
      "variables",
      "extensions",
      "operationName",
      "documentId",
      "%00",
      "__proto__",
      "query[]",
    ]);
    const value = random.pick([
      encodeURIComponent(anyDocument(random).toWellFormed()),
      encodeURIComponent(JSON.stringify(anyValue(random)).toWellFormed()),
      "%",
      "%ff%fe",
      "%u0041",
      "+",
      "\xff",
    ]);
    return `${name}=${value.slice(0, 8000)}`;
  });
  return get("GET", parts.join(random.pick(["&", "&", ";", "&&"])));
}

function lines(random: Random): FuzzRequest {
  const line = random.pick([
    "POST /graphql/../graphql",
    "POST //graphql",
    "POST http://evil.example/graphql",
    "POST *",
    "OPTIONS *",
    "CONNECT localhost:80",
    "TRACE /graphql",
    "PROPFIND /graphql",
    "GET /graphql?\0",
    "GET /graphql#x",
    "GET /%2e%2e/%2e%2e/etc/passwd",
    "GET /d/%00",
    "GET /d/AAAA",
    "GET /uploads/%ff",
    "PUT /uploads/x",
    "GET /healthz?x=%",
    "POST /system/graphql",
    "GET",
    "",
    "\x16\x03\x01",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    `GET /${"a/".repeat(4000)}`,
  ]);
  return {
    name: `line ${JSON.stringify(line.slice(0, 40))}`,
    bytes: Buffer.from(start(line, ""), "latin1"),
    incomplete: true,
  };
}

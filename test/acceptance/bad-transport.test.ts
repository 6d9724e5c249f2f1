/** HTTP that is wrong: bodies, methods, heads and hosts. Public surface only. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Place, raw } from "./support/place.ts";

const place = new Place();
let before: unknown;

beforeAll(async () => {
  await place.start({ HOLDFAST_BODY_LIMIT: "300000" });
  await place.get('mutation { createSample(input: {sampleId: 1, label: "first"}) { sample { sampleId } } }');
  before = await place.known();
});

afterEach(async () => {
  expect(await place.known()).toEqual(before);
});

afterAll(() => place.close());

/** Bodies and headers that are no GraphQL request; `says` is in the body of the answer. */
const bodies: readonly (readonly [
  name: string,
  headers: string,
  body: string,
  status: number,
  code: string,
])[] = [
  ["no JSON", "Content-Type: application/json", "{", 400, "BAD_REQUEST"],
  ["nothing", "Content-Type: application/json", "", 400, "BAD_REQUEST"],
  ["a list", "Content-Type: application/json", "[]", 400, "BAD_REQUEST"],
  ["a batch", "Content-Type: application/json", '[{"query": "{ __typename }"}]', 400, "BAD_REQUEST"],
  ["null", "Content-Type: application/json", "null", 400, "BAD_REQUEST"],
  [
    "a key that poisons prototypes",
    "Content-Type: application/json",
    '{"__proto__": {"query": "{ __typename }"}}',
    400,
    "BAD_REQUEST",
  ],
  [
    "bytes that are no UTF-8",
    "Content-Type: application/json",
    '{"query": "{ samples(where: {label: {eq: \\"\xff\\"}}) { totalCount } }"}',
    400,
    "BAD_REQUEST",
  ],
  ["plain text", "Content-Type: text/plain", '{"query": "{ __typename }"}', 400, "BAD_REQUEST"],
  [
    "plain text, not by a page",
    "Content-Type: text/plain\r\nApollo-Require-Preflight: 1",
    '{"query": "{ __typename }"}',
    400,
    "BAD_REQUEST",
  ],
  ["a form", "Content-Type: application/x-www-form-urlencoded", "query=%7B__typename%7D", 415, "BAD_REQUEST"],
  ["XML", "Content-Type: application/xml", "<a/>", 415, "BAD_REQUEST"],
  ["no content type", "X-None: 1", '{"query": "{ __typename }"}', 415, "BAD_REQUEST"],
];

function rawPost(headers: string, body: string, path = "/graphql") {
  const { host } = new URL(place.url);
  const length = Buffer.byteLength(body, "latin1");
  const head = `POST ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nContent-Length: ${length}\r\n${headers}\r\n\r\n`;
  return raw(place.url, Buffer.from(head + body, "latin1"));
}

describe("bodies that are no GraphQL request", () => {
  it.each(bodies)("%s", async (_name, headers, body, status, code) => {
    const answer = await rawPost(headers, body);
    expect({ status: answer.status, code: codeOf(answer.body) }).toEqual({ status, code });
  });

  it("whole numbers that a parser of JSON would change", async () => {
    const query = "query ($id: BigInt) { samples(where: {sampleId: {eq: $id}}) { totalCount } }";
    const body = `{"query": ${JSON.stringify(query)}, "variables": {"id": 9007199254740993}}`;
    const answer = await rawPost("Content-Type: application/json", body);
    expect([answer.status, codeOf(answer.body)]).toEqual([400, "BAD_USER_INPUT"]);
    expect(answer.body).toContain("variables.id is 9007199254740993");
    const literal =
      'mutation { createSample(input: {sampleId: 2, label: "x", doc: {n: [9007199254740993]}}) { sample { sampleId } } }';
    const { status, errors } = await place.ask(literal);
    expect([status, errors?.[0]?.extensions["code"]]).toEqual([400, "GRAPHQL_VALIDATION_FAILED"]);
    expect(errors?.[0]?.message).toContain("9007199254740993");
  });

  it("one byte more than the limit that is set", async () => {
    const padded = (bytes: number) => '{"query": "{ __typename }"}'.padEnd(bytes);
    expect((await rawPost("Content-Type: application/json", padded(300_000))).status).toBe(200);
    const answer = await rawPost("Content-Type: application/json", padded(300_001));
    expect([answer.status, codeOf(answer.body)]).toEqual([413, "LIMIT_EXCEEDED"]);
  });

  it("mutations and cross-site queries by GET, and other methods", async () => {
    const get = (query: string, headers: Record<string, string> = {}) =>
      fetch(`${place.url}/graphql?query=${encodeURIComponent(query)}`, { headers });
    const preflight = { "apollo-require-preflight": "1" };
    const mutation = "mutation { deleteSample(key: {sampleId: 1}) { affected { count } } }";
    expect((await get(mutation, preflight)).status).toBe(405);
    expect((await get("{ __typename }")).status).toBe(400);
    expect((await get("{ __typename }", preflight)).status).toBe(200);
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      const response = await fetch(`${place.url}/graphql`, { method });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, POST"]);
    }
    expect(
      (
        await fetch(`${place.url}/graphql`, {
          method: "OPTIONS",
          headers: { origin: "https://evil.example" },
        })
      ).headers.get("access-control-allow-origin"),
    ).toBeNull();
  });

  it("paths, heads and methods that are not ours", async () => {
    const ask = (text: string) => raw(place.url, text);
    const { host } = new URL(place.url);
    expect((await ask(`GET /graphqlx HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).status).toBe(
      404,
    );
    expect(
      (await ask(`GET /graphql?${"x".repeat(20_000)} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`))
        .status,
    ).toBe(414);
    expect((await ask(`GET / HTTP/1.1\r\nHost: ${host}\r\nX: ${"x".repeat(40_000)}\r\n\r\n`)).status).toBe(
      431,
    );
    expect((await ask("this is no HTTP\r\n\r\n")).status).toBe(400);
    expect(
      (
        await ask(
          `POST /graphql HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n`,
        )
      ).status,
    ).toBe(400);
  });
});

function codeOf(body: string): unknown {
  const parsed = JSON.parse(body) as { errors: readonly { extensions: { code: string } }[] };
  return parsed.errors[0]?.extensions.code;
}

/** The system API stands on other parts than the entity API, and refuses the same. */
const systemQueries: readonly (readonly [name: string, query: string, code: string])[] = [
  ["unknown field", "{ nothing }", "GRAPHQL_VALIDATION_FAILED"],
  ["a subscription", "subscription { health }", "GRAPHQL_VALIDATION_FAILED"],
  ["two operations", "query A { __typename } query B { __typename }", "OPERATION_RESOLUTION_FAILURE"],
  ["depth 10,000", `${"{ a ".repeat(10_000)}${"}".repeat(10_000)}`, "LIMIT_EXCEEDED"],
  ["100,000 tokens", `{ ${"a ".repeat(100_000)}}`, "LIMIT_EXCEEDED"],
  ["a page above the cap", "{ objects(first: 1001) { nodes { locator } } }", "LIMIT_EXCEEDED"],
  ["a cursor with NUL", '{ objects(after: "\\u0000") { nodes { locator } } }', "BAD_USER_INPUT"],
  ["an upload that is not there", 'mutation { completeUpload(id: "x") { id } }', "NOT_FOUND"],
];

describe("the system API", () => {
  it.each(systemQueries)("%s", async (_name, query, code) => {
    const answer = await rawPost(
      "Content-Type: application/json",
      JSON.stringify({ query }),
      "/system/graphql",
    );
    expect(codeOf(answer.body)).toBe(code);
    expect(answer.status).toBeLessThan(500);
  });
});

describe("the Host header", () => {
  const asked = async (host: string) =>
    raw(place.url, `GET /version HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);

  it.each([
    "Host: evil.example\r\n",
    "Host: evil.example:4000\r\n",
    "Host: 127.0.0.1.evil.example\r\n",
    "Host: localhost.evil.example\r\n",
    "Host: localhost@evil.example\r\n",
    "Host: 127.0.0.1:99999\r\n",
    "Host: 127.0.0.1:\r\n",
    "Host: 0.0.0.0\r\n",
    "Host: 127.1\r\n",
    "Host: 2130706433\r\n",
    "Host: [::1\r\n",
    "Host: \r\n",
  ])("is refused: %j", async (host) => {
    const answer = await asked(host);
    expect([answer.status, codeOf(answer.body)]).toEqual([421, "HOST_NOT_ALLOWED"]);
  });

  it("is refused where there is none, or more than one", async () => {
    expect((await asked("")).status).toBe(400);
    expect((await asked("Host: localhost\r\nHost: evil.example\r\n")).status).toBe(400);
  });

  it.each([
    "Host: LocalHost\r\n",
    "Host: localhost.\r\n",
    "Host: localhost:1\r\n",
    "Host: 127.0.0.1:65535\r\n",
    "Host: [::1]:80\r\n",
    "Host: [0:0:0:0:0:0:0:1]\r\n",
  ])("names us: %j", async (host) => {
    expect((await asked(host)).status).toBe(200);
  });
});

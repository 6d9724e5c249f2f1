/** A known query is answered as Apollo answers it, to the byte, and whatever else comes is left to Apollo. */

import { HeaderMap } from "@apollo/server";
import { beforeAll, describe, expect, it } from "vitest";
import { createEntityApi, type EntityApi } from "../../src/api/api.ts";
import { type Answer, anyone, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(
  `type Box @table { box: Int! @key  label: String  weight: Float  at: DateTime  settings: Blob @codec(name: "blob") }`,
);
const nobody = { ...anyone, principal: { name: "nobody", rights: new Set<never>() } };
const plain = { "content-type": "application/json" };

let api: EntityApi;
beforeAll(async () => {
  const { model, registry, db, objects } = lab;
  const log = { error: () => undefined };
  const stores = { all: new Map() } as Answer;
  api = createEntityApi({
    model,
    registry,
    db,
    objects,
    stores,
    log,
    limits: { maxPageSize: 5, maxRows: 50 },
  });
  await api.server.start();
  await lab.db.query(
    "INSERT INTO lab.box (box, label, weight, at) VALUES (1, 'a', 0.5, '2026-01-01'), (2, NULL, 'NaN', NULL)",
  );
  return () => api.server.stop();
});

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly context?: typeof anyone;
}

async function byApollo({ headers = plain, body, context = anyone }: Sent) {
  const httpGraphQLRequest = {
    method: "POST",
    headers: new HeaderMap(Object.entries(headers)),
    search: "",
    body,
  };
  return shown(
    await api.server.executeHTTPGraphQLRequest({ httpGraphQLRequest, context: async () => context }),
  );
}

async function quickly({ headers = plain, body, context = anyone }: Sent) {
  const answer = await api.server.answerKnown({ method: "POST", headers, body }, () => context);
  return answer && shown(answer);
}

function shown({ status, headers, body }: Answer) {
  return { status: status ?? 200, headers: [...headers], text: body.string };
}

const row = "query Row($box: Int!) { box(box: $box) { box label weight at } }";
const list =
  "query ($first: Int, $where: BoxFilter, $all: Boolean = false) { boxes(first: $first, where: $where) { nodes { box label @include(if: $all) } totalCount } }";
const two = `${row} query Other { boxes { nodes { __typename label } } }`;
const mixed = "{ __schema { queryType { name } } boxes { nodes { settings { kind } } } }";

describe("answers are Apollo's", () => {
  it.each<[string, Sent]>([
    ["a row", { body: { query: row, variables: { box: 1 } } }],
    ["a row that is not there", { body: { query: row, variables: { box: 9 } } }],
    ["a field that fails", { body: { query: row, variables: { box: 2 } } }],
    ["a list", { body: { query: list, variables: { first: 1, all: true } } }],
    ["no variables", { body: { query: list } }],
    [
      "null for everything that may be absent",
      { body: { query: list, variables: null, extensions: null, operationName: null } },
    ],
    ["one of two operations", { body: { query: two, operationName: "Other" } }],
    ["extensions of a client", { body: { query: list, extensions: { clientLibrary: { name: "x" } } } }],
    ["introspection beside data", { body: { query: mixed } }],
    ["a variable of another type", { body: { query: row, variables: { box: "1" } } }],
    ["a variable that is missing", { body: { query: row, variables: {} } }],
    ["a number that PostgreSQL has not", { body: { query: row, variables: { box: 2 ** 40 } } }],
    [
      "text that PostgreSQL cannot hold",
      { body: { query: list, variables: { where: { label: { eq: "\0" } } } } },
    ],
    ["a page that is too large", { body: { query: list, variables: { first: 6 } } }],
    ["a filter that is null", { body: { query: list, variables: { where: { label: null } } } }],
    ["somebody who may not read", { body: { query: row, variables: { box: 1 } }, context: nobody }],
    [
      "the media type of the specification",
      {
        body: { query: row, variables: { box: 1 } },
        headers: { ...plain, accept: "application/graphql-response+json, application/json;q=0.9" },
      },
    ],
    [
      "a type with a character set",
      {
        body: { query: row, variables: { box: 1 } },
        headers: { "content-type": "application/json; charset=utf-8", accept: "*/*" },
      },
    ],
  ])("%s", async (_, sent) => {
    // What is asked first makes the document, and the headers for this Accept, known.
    await byApollo({ ...sent, body: { ...(sent.body as object), variables: { box: 1 } }, context: anyone });
    const slow = await byApollo(sent);
    const quick = await quickly(sent);
    expect(quick).toBeDefined();
    expect(quick).toEqual(slow);
  });

  it("variables are those of each request", async () => {
    for (const box of [1, 2, 1]) {
      const quick = await quickly({ body: { query: row.replace("weight ", ""), variables: { box } } });
      const slow = await byApollo({ body: { query: row.replace("weight ", ""), variables: { box } } });
      expect(JSON.parse(slow.text).data.box.box).toBe(box);
      if (quick !== undefined) expect(quick).toEqual(slow);
    }
  });
});

describe("Apollo looks at", () => {
  it.each<[string, Sent]>([
    ["a document that it has not seen", { body: { query: "{ boxes { nodes { box at } } }" } }],
    ["the same document with another blank", { body: { query: `${row} `, variables: { box: 1 } } }],
    ["an operation that the document lacks", { body: { query: two, operationName: "Missing" } }],
    ["no name where there are two operations", { body: { query: two } }],
    [
      "a document by its digest",
      {
        body: {
          query: row,
          variables: { box: 1 },
          extensions: { persistedQuery: { version: 1, sha256Hash: "x" } },
        },
      },
    ],
    ["a document by its id", { body: { documentId: "x" } }],
    ["variables that are no object", { body: { query: row, variables: [1] } }],
    ["variables that are text", { body: { query: row, variables: "{}" } }],
    ["extensions that are text", { body: { query: row, extensions: "{}" } }],
    ["a query that is no text", { body: { query: { kind: "Document" } } }],
    ["several requests in one", { body: [{ query: row }] }],
    ["no body", { body: undefined }],
    [
      "what a form could send",
      { body: { query: row, variables: { box: 1 } }, headers: { "content-type": "text/plain" } },
    ],
    ["a request without a type", { body: { query: row, variables: { box: 1 } }, headers: {} }],
    [
      "an Accept that it has not answered yet",
      { body: { query: row, variables: { box: 1 } }, headers: { ...plain, accept: "text/csv" } },
    ],
  ])("%s", async (_, sent) => {
    await byApollo({ body: { query: row, variables: { box: 1 } } });
    await byApollo({ body: { query: two, operationName: "Row", variables: { box: 1 } } });
    expect(await quickly(sent)).toBeUndefined();
  });

  it("every mutation, and what it has refused", async () => {
    const refused = { body: { query: "{ boxes { nodes { nothing } } }" } };
    const mutation = { body: { query: "mutation { createBox(input: {box: 3}) { affected { count } } }" } };
    for (const sent of [refused, mutation, mutation]) {
      await byApollo(sent);
      expect(await quickly(sent)).toBeUndefined();
    }
  });

  it("a request by GET", () => {
    const sent = { method: "GET", headers: plain, body: { query: row, variables: { box: 1 } } };
    expect(api.server.answerKnown(sent, () => anyone)).toBeUndefined();
  });
});

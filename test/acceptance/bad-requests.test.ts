/** Requests that are wrong, each refused by name and without a trace. Public surface only. */

import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { badItems, badSamples, type Case } from "./support/bad-values.ts";
import { Place } from "./support/place.ts";
import type { Answer } from "./support/process.ts";

const place = new Place();
let before: unknown;
let files: readonly string[];

beforeAll(async () => {
  await place.start();
  await place.get(`mutation {
    createSpecies(input: {species: "mouse"}) { species { species } }
    createSample(input: {sampleId: 1, label: "first"}) { sample { sampleId } }
    createItem(input: {itemId: 1, pictures: [{text: {name: "a.txt", content: "a"}}],
      array: {values: {dtype: "int16", shape: [3], data: [1, 2, 3]}}, units: [{unit: 1}]}) { item { itemId } }
  }`);
  before = await place.known();
  files = place.files();
});

/** The server still answers, has what it had, and nothing more lies in its store. */
afterEach(async () => {
  expect(await place.known()).toEqual(before);
  expect(place.files()).toEqual(files);
});

afterAll(() => place.close());

/** The refusal of a request: its status, its code, and what the first error says. */
function expectRefusal(answer: Answer<unknown>, status: number, code: string, says = ""): void {
  const [error] = answer.errors ?? [];
  const text = `${error?.message} ${JSON.stringify(error?.extensions)}`;
  expect({ status: answer.status, code: error?.extensions["code"], text }).toEqual({
    status,
    code,
    text: expect.stringContaining(says),
  });
  expect(answer.data ?? null).toBeNull();
}

const createSample =
  "mutation ($input: CreateSampleInput!) { createSample(input: $input) { sample { sampleId } } }";
const createItem = "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { itemId } } }";

const inputs: readonly (readonly [mutation: string, base: object, cases: readonly Case[]])[] = [
  [createSample, { sampleId: 9, label: "ninth" }, badSamples],
  [createItem, { itemId: 9, pictures: [] }, badItems],
];

describe.each(inputs)("values that no field takes: %s", (mutation, base, cases) => {
  it.each(cases)("%s: %s %s", async (field, status, code, values) => {
    for (const value of values) {
      const answer = await place.ask(mutation, { input: { ...base, [field]: value } });
      expectRefusal(answer, status, code, `input.${field}`);
    }
  });
});

/** What a column keeps to the last digit and character. */
const kept: readonly (readonly [
  field: string,
  values: readonly (readonly [given: unknown, got: unknown])[],
])[] = [
  [
    "tiny",
    [
      [127, 127],
      [-128, -128],
    ],
  ],
  [
    "small",
    [
      [32767, 32767],
      [-32768, -32768],
    ],
  ],
  [
    "whole",
    [
      [2147483647, 2147483647],
      [-2147483648, -2147483648],
      [0, 0],
    ],
  ],
  [
    "big",
    [
      ["9223372036854775807", "9223372036854775807"],
      ["-9223372036854775808", "-9223372036854775808"],
      ["9007199254740993", "9007199254740993"],
      [9007199254740991, "9007199254740991"],
      ["2147483648", "2147483648"],
    ],
  ],
  [
    "real",
    [
      [1.7976931348623157e308, 1.7976931348623157e308],
      [5e-324, 5e-324],
      [0.1, 0.1],
    ],
  ],
  [
    "any64",
    [
      ["NaN", "NaN"],
      ["Infinity", "Infinity"],
      ["-Infinity", "-Infinity"],
      [0.1, 0.1],
    ],
  ],
  [
    "any32",
    [
      ["NaN", "NaN"],
      ["-Infinity", "-Infinity"],
      [0.5, 0.5],
    ],
  ],
  [
    "day",
    [
      ["0001-01-01", "0001-01-01"],
      ["9999-12-31", "9999-12-31"],
      ["2024-02-29", "2024-02-29"],
    ],
  ],
  [
    "moment",
    [
      ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"],
      ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"],
      ["2026-01-01T01:00:00+02:00", "2025-12-31T23:00:00Z"],
    ],
  ],
  [
    "price",
    [
      ["9999999.99", "9999999.99"],
      ["-0.01", "-0.01"],
      ["1e2", "100.00"],
    ],
  ],
  ["uid", [["7F0C2F36-9A3E-4D1E-8A57-6F3A1E0C9B42", "7f0c2f36-9a3e-4d1e-8a57-6f3a1e0c9b42"]]],
  [
    "raw",
    [
      ["AAECAw==", "AAECAw=="],
      ["", ""],
    ],
  ],
  [
    "doc",
    [
      [{ a: [1, 2.5, null, "é\u{1f9e0}"] }, { a: [1, 2.5, null, "é\u{1f9e0}"] }],
      [[], []],
      [7, 7],
      [true, true],
    ],
  ],
  ["shape", [["LONG", "LONG"]]],
  [
    "short",
    [
      ["12345678", "12345678"],
      ["\u{1f9e0}".repeat(8), "\u{1f9e0}".repeat(8)],
      ["", ""],
    ],
  ],
  [
    "tags",
    [
      [
        ["\u{1f9e0}\u{10ffff}", "e\u0301", "\u05e9\u05dc\u05d5\u05dd\u202e!", "", "\u00e9"],
        ["\u{1f9e0}\u{10ffff}", "e\u0301", "\u05e9\u05dc\u05d5\u05dd\u202e!", "", "\u00e9"],
      ],
      [[], []],
    ],
  ],
  [
    "counts",
    [
      [
        ["9223372036854775807", "-9223372036854775808", 5],
        ["9223372036854775807", "-9223372036854775808", "5"],
      ],
    ],
  ],
  [
    "weights",
    [
      [
        [0.1, 1, -2.5e-300],
        [0.1, 1, -2.5e-300],
      ],
    ],
  ],
];

describe("values at the edge come back as they went in", () => {
  it.each(kept)("%s", async (field, pairs) => {
    for (const [given, got] of pairs) {
      const { createSample: made } = await place.get<{ createSample: { sample: object } }>(
        `mutation ($input: CreateSampleInput!) { createSample(input: $input) { sample { ${field} } }
           deleteSample(key: {sampleId: 9}) { affected { count } } }`,
        { input: { sampleId: 9, label: "ninth", [field]: given } },
      );
      expect(made.sample).toEqual({ [field]: got });
    }
  });

  it("strings of every script, in a filter too", async () => {
    const label = "\u{1f468}\u200d\u{1f469} \u05d0\u202e\u0627 e\u0301\uffff\u0001\t";
    const answer = await place.get<{ samples: { nodes: object[] } }>(
      "query ($label: String!) { samples(where: {label: {eq: $label}}) { nodes { label } } }",
      { label },
    );
    expect(answer.samples.nodes).toEqual([]);
    const made = await place.get(
      `mutation ($label: String!) { createSample(input: {sampleId: 9, label: $label}) { sample { label } }
         deleteSample(key: {sampleId: 9}) { sample { label } } }`,
      { label },
    );
    expect(made).toEqual({ createSample: { sample: { label } }, deleteSample: { sample: { label } } });
  });

  it("NaN, infinities and 64-bit integers in arrays", async () => {
    const arrays = [
      { dtype: "float64", shape: [4], data: ["NaN", "Infinity", "-Infinity", 0.1] },
      { dtype: "float32", shape: [2, 1], data: [["NaN"], [0.5]] },
      { dtype: "int64", shape: [2], data: ["9223372036854775807", "-9223372036854775808"] },
      { dtype: "uint64", shape: [1], data: ["18446744073709551615"] },
      { dtype: "int16", shape: [0], data: [] },
    ];
    const { createItem: made } = await place.get<{ createItem: { item: { inRow: object } } }>(
      `mutation { createItem(input: {itemId: 9, inRow: {json: 1}}) { item { inRow { json } } } deleteItem(key: {itemId: 9}) { affected { count } } }`,
    );
    expect(made.item).toEqual({ inRow: { json: 1 } });
    for (const array of arrays) {
      const answer = await place.get<{ createItem: { item: { inRow: { array: object } } } }>(
        `mutation ($array: ArrayValuesInput!) { createItem(input: {itemId: 9, inRow: {array: $array}}) { item { inRow { array { dtype shape data } } } }
           deleteItem(key: {itemId: 9}) { affected { count } } }`,
        { array },
      );
      expect(answer.createItem.item.inRow.array).toEqual(array);
    }
  });
});

/** Documents that are wrong whatever the variables. */
const documents: readonly (readonly [
  name: string,
  query: string,
  status: number,
  code: string,
  says: string,
])[] = [
  ["unknown field", "{ samples { nodes { colour } } }", 400, "GRAPHQL_VALIDATION_FAILED", "colour"],
  ["unknown root field", "{ nothing }", 400, "GRAPHQL_VALIDATION_FAILED", "nothing"],
  ["unknown argument", "{ samples(limit: 1) { totalCount } }", 400, "GRAPHQL_VALIDATION_FAILED", "limit"],
  [
    "unknown input field",
    'mutation { createSample(input: {sampleId: 9, label: "x", colour: 1}) { sample { sampleId } } }',
    400,
    "GRAPHQL_VALIDATION_FAILED",
    "colour",
  ],
  [
    "a field twice",
    'mutation { createSample(input: {sampleId: 9, sampleId: 8, label: "x"}) { sample { sampleId } } }',
    400,
    "GRAPHQL_VALIDATION_FAILED",
    "sampleId",
  ],
  [
    "NUL in a literal",
    'mutation { createSample(input: {sampleId: 9, label: "a\\u0000"}) { sample { sampleId } } }',
    200,
    "BAD_USER_INPUT",
    "NUL",
  ],
  [
    "a float literal beyond 64 bits",
    "{ samples(where: {real: {gt: 1e999}}) { totalCount } }",
    400,
    "BAD_USER_INPUT",
    "64-bit",
  ],
  [
    "an integer literal beyond 32 bits",
    "{ sample(sampleId: 2147483648) { label } }",
    400,
    "GRAPHQL_VALIDATION_FAILED",
    "2147483648",
  ],
  [
    "an enum as text",
    '{ samples(where: {shape: {eq: "ROUND"}}) { totalCount } }',
    400,
    "GRAPHQL_VALIDATION_FAILED",
    "ROUND",
  ],
  ["no selection", "{ samples }", 400, "GRAPHQL_VALIDATION_FAILED", "samples"],
  [
    "fragments in a circle",
    "{ samples { nodes { ...A } } } fragment A on Sample { ...B } fragment B on Sample { ...A }",
    400,
    "GRAPHQL_VALIDATION_FAILED",
    "itself",
  ],
  [
    "a fragment of itself",
    "{ ...A } fragment A on Query { ...A }",
    400,
    "GRAPHQL_VALIDATION_FAILED",
    "itself",
  ],
  ["an unknown fragment", "{ ...A }", 400, "GRAPHQL_VALIDATION_FAILED", "A"],
  [
    "an unused variable of an unknown type",
    "query ($a: Nothing) { samples { totalCount } }",
    400,
    "GRAPHQL_VALIDATION_FAILED",
    "Nothing",
  ],
  ["a syntax error", "{ samples { ", 400, "GRAPHQL_PARSE_FAILED", "Syntax"],
  ["nothing but a comment", "# nothing", 400, "GRAPHQL_PARSE_FAILED", "Syntax"],
  [
    "two operations without a name",
    "query A { samples { totalCount } } query B { items { totalCount } }",
    400,
    "OPERATION_RESOLUTION_FAILURE",
    "",
  ],
  ["a subscription", "subscription { samples }", 400, "GRAPHQL_VALIDATION_FAILED", ""],
  ["a page above the cap", "{ samples(first: 1001) { totalCount } }", 400, "LIMIT_EXCEEDED", "1000"],
  [
    "a page above the cap, from the end",
    "{ samples(last: 100000) { totalCount } }",
    400,
    "LIMIT_EXCEEDED",
    "1000",
  ],
  ["a negative first", "{ samples(first: -1) { totalCount } }", 400, "BAD_USER_INPUT", "first"],
  ["a negative last", "{ samples(last: -1) { totalCount } }", 400, "BAD_USER_INPUT", "last"],
  ["a negative offset", "{ samples(offset: -1) { totalCount } }", 400, "BAD_USER_INPUT", "offset"],
  ["first and last", "{ samples(first: 1, last: 1) { totalCount } }", 400, "BAD_USER_INPUT", "last"],
  ["a cursor of nothing", '{ samples(after: "bm90aGluZw") { totalCount } }', 400, "BAD_USER_INPUT", "after"],
  ["an empty cursor", '{ samples(after: "") { totalCount } }', 400, "BAD_USER_INPUT", "after"],
  ["a cursor with NUL", '{ samples(before: "\\u0000") { totalCount } }', 400, "BAD_USER_INPUT", "NUL"],
  [
    "two orders in one",
    "{ samples(orderBy: [{sampleId: ASC, label: ASC}]) { totalCount } }",
    400,
    "GRAPHQL_VALIDATION_FAILED",
    "SampleOrderBy",
  ],
  [
    "a duplicate key",
    'mutation { createSample(input: {sampleId: 1, label: "x"}) { sample { sampleId } } }',
    200,
    "CONSTRAINT_VIOLATION",
    "sampleId",
  ],
  [
    "a duplicate key in one request",
    'mutation { createSamples(rows: [{sampleId: 9, label: "x"}, {sampleId: 9, label: "y"}]) { count } }',
    200,
    "CONSTRAINT_VIOLATION",
    "sampleId",
  ],
  [
    "the second of two fields",
    'mutation { a: createSample(input: {sampleId: 9, label: "x"}) { sample { sampleId } } b: createSample(input: {sampleId: 1, label: "y"}) { sample { sampleId } } }',
    200,
    "CONSTRAINT_VIOLATION",
    "sampleId",
  ],
  [
    "a part without its master",
    "mutation { createItemUnit(input: {item: {key: {itemId: 77}}, unit: 1}) { itemUnit { unit } } }",
    200,
    "CONSTRAINT_VIOLATION",
    "item",
  ],
  [
    "an update of no row",
    'mutation { updateSample(key: {sampleId: 77}, set: {note: "x"}) { sample { sampleId } } }',
    400,
    "GRAPHQL_VALIDATION_FAILED",
    "note",
  ],
  [
    "an update of nothing there",
    'mutation { updateSample(key: {sampleId: 77}, set: {short: "x"}) { sample { sampleId } } }',
    200,
    "NOT_FOUND",
    "77",
  ],
  [
    "a required field set to null",
    "mutation { updateSample(key: {sampleId: 1}, set: {label: null}) { sample { sampleId } } }",
    200,
    "BAD_USER_INPUT",
    "label",
  ],
  [
    "an old version",
    'mutation { updateSample(key: {sampleId: 1}, set: {short: "x"}, ifVersion: "1") { sample { sampleId } } }',
    200,
    "PRECONDITION_FAILED",
    "",
  ],
  [
    "a delete of nothing there",
    "mutation { deleteSample(key: {sampleId: 77}) { sample { sampleId } } }",
    200,
    "NOT_FOUND",
    "77",
  ],
];

describe("documents that are wrong", () => {
  it.each(documents)("%s", async (_name, query, status, code, says) => {
    expectRefusal(await place.ask(query), status, code, says);
  });

  it("unknown and missing operation names and variables", async () => {
    const send = async (body: object) => post(JSON.stringify(body));
    const query = "query A($id: Int!) { sample(sampleId: $id) { label } }";
    expectRefusal(
      await send({ query, operationName: "B", variables: { id: 1 } }),
      400,
      "OPERATION_RESOLUTION_FAILURE",
      "B",
    );
    expectRefusal(await send({ query }), 400, "BAD_USER_INPUT", "$id");
    expectRefusal(await send({ query, variables: { id: "1" } }), 400, "BAD_USER_INPUT", "$id");
    expectRefusal(await send({ query, variables: [1] }), 400, "BAD_REQUEST", "variables");
    expectRefusal(await send({ query: 5 }), 400, "BAD_REQUEST", "queries");
    expectRefusal(await send({}), 400, "BAD_REQUEST", "POST body missing");
  });
});

async function post(body: string, headers: Record<string, string> = {}): Promise<Answer<unknown>> {
  const response = await fetch(`${place.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  return { status: response.status, ...((await response.json()) as object) };
}

const deep = (levels: number): string => `${"{ species ".repeat(levels)}${" }".repeat(levels)}`;

/** Documents that are too much. */
const excessive: readonly (readonly [name: string, query: string, limit: string])[] = [
  ["10 MB of document", `# ${"x".repeat(10 * 2 ** 20)}\n{ samples { totalCount } }`, "HOLDFAST_BODY_LIMIT"],
  ["1 MB of document", `# ${"x".repeat(2 ** 20)}\n{ samples { totalCount } }`, "200000"],
  ["depth 1,000", deep(1000), "limit is 100 "],
  ["depth 10,000", deep(10_000), "limit is 100 "],
  [
    "lists 1,000 deep",
    `{ samples(where: ${"[".repeat(1000)}${"]".repeat(1000)}) { totalCount } }`,
    "limit is 100 ",
  ],
  ["60,000 tokens", `{ samples(first: [${"1 ".repeat(60_000)}]) { totalCount } }`, "20000 tokens"],
  ["one field 90,000 times", `{ ${"a ".repeat(90_000)}}`, "HOLDFAST_MAX_REPEATS"],
  [
    "10,000 aliases",
    `{ ${Array.from({ length: 10_000 }, (_, i) => `a${i}:__typename`).join(" ")} }`,
    "HOLDFAST_MAX_ALIASES",
  ],
];

describe("documents that are too much", () => {
  it.each(excessive)("%s", async (_name, query, setting) => {
    const begin = performance.now();
    const answer = await place.ask(query);
    expectRefusal(answer, setting === "HOLDFAST_BODY_LIMIT" ? 413 : 400, "LIMIT_EXCEEDED", setting);
    expect(performance.now() - begin).toBeLessThan(5000);
  });

  it("10 MB of variables", async () => {
    const answer = await place.ask(createSample, { input: { sampleId: 9, label: "x".repeat(10 * 2 ** 20) } });
    expectRefusal(answer, 413, "LIMIT_EXCEEDED", "HOLDFAST_BODY_LIMIT");
  });

  it("variables 1,000 and 100,000 levels deep", async () => {
    for (const levels of [1000, 100_000]) {
      const body = `{"query": ${JSON.stringify(createSample)}, "variables": {"input": {"sampleId": 9, "label": "x", "doc": ${"[".repeat(levels)}${"]".repeat(levels)}}}}`;
      expectRefusal(await post(body), 400, "LIMIT_EXCEEDED", "input.doc");
    }
  });
});

/** Every limit refuses what is beyond it and nothing below, and names its number and its setting. */

import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { guardDocument } from "../../src/api/document-guard.ts";
import { type ApiLimits, apiLimitsFrom, defaultApiLimits, limitSettings } from "../../src/api/limits.ts";
import { planningBudget } from "../../src/api/planning-budget.ts";
import { connect } from "../../src/db/database.ts";
import { type Answer, openLaboratory } from "./laboratory.ts";

const limits = {
  maxDepth: 12,
  maxTokens: 300,
  maxDefinitions: 4,
  maxAliases: 9,
  maxRepeats: 50,
  maxRootFields: 5,
  maxFields: 60,
  maxConditions: 8,
  maxValues: 6000,
  maxVariableDepth: 50,
  maxIntrospectionLists: 3,
  maxPageSize: 20,
  maxRows: 200,
  maxAnswerBytes: 3000,
  maxDocumentLength: 2000,
  statementTimeoutMs: 300,
} satisfies Partial<ApiLimits>;

const lab = await openLaboratory(
  `type Box @table { box: Int! @key  label: String  data: Blob @codec(name: "blob")  in: Box @reference(columns: ["in_box"]) @reverse(name: "inner") }`,
  limits,
);
await lab.db.query(
  "INSERT INTO lab.box (box, label) SELECT n, repeat('ü', 100) FROM generate_series(1, 20) n",
);

const doubling = await openLaboratory(
  `type Box @table { box: Int! @key  in: Box @reference(columns: ["in_box"]) @reverse(name: "inner") }`,
  { maxFields: 5000 },
);

const names = Array.from({ length: 40 }, (_, n) => `T${n}`);
const wide = await openLaboratory(names.map((name) => `type ${name} @table { key: Int! @key }`).join("\n"), {
  maxFields: 60,
});

const times = (count: number, text: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => text(n)).join(" ");
const nested = (levels: number) => `${"{ a ".repeat(levels)}${"}".repeat(levels)}`;

/** A request at the limit, and one beyond it. */
const cases: readonly (readonly [limit: keyof typeof limits, within: string, beyond: string])[] = [
  ["maxDocumentLength", `{ __typename } #${"x".repeat(1900)}`, `{ __typename } #${"x".repeat(2000)}`],
  ["maxDepth", `{ __typename @skip(if: false) }`, nested(13)],
  [
    "maxTokens",
    `{ ${"__typename\n".repeat(10)} }`,
    `{ boxes(where: {box: {in: [${"1 ".repeat(300)}]}}) { totalCount } }`,
  ],
  [
    "maxDefinitions",
    `{ ...a ...b ...c } ${times(3, (n) => `fragment ${"abc"[n]} on Query { __typename }`)}`,
    times(5, (n) => `query q${n} { __typename }`),
  ],
  [
    "maxAliases",
    `{ boxes { ${times(9, (n) => `a${n}: totalCount`)} } }`,
    `{ boxes { ${times(10, (n) => `a${n}: totalCount`)} } }`,
  ],
  [
    "maxRepeats",
    `{ ${"__typename ".repeat(10)} }`,
    `{ ...on Query { ${"__typename ".repeat(6)} } ... { ${"__typename ".repeat(6)} } }`,
  ],
  [
    "maxRootFields",
    `{ ${times(5, (n) => `a${n}: __typename`)} }`,
    `{ ${times(6, (n) => `a${n}: __typename`)} }`,
  ],
  [
    "maxFields",
    `{ boxes(first: 1) { nodes { box } } }`,
    `{ ${times(4, (n) => `r${n}: boxes(first: 1) { ...F }`)} } fragment F on BoxConnection { nodes { ...B in { ...B in { ...B } } } } fragment B on Box { box label id rowVersion }`,
  ],
  [
    "maxConditions",
    `{ boxes(first: 1, where: {or: [${"{box: {eq: 1}} ".repeat(3)}]}) { totalCount } }`,
    `{ boxes(first: 1, where: {or: [${"{box: {eq: 1}} ".repeat(5)}]}) { totalCount } }`,
  ],
  [
    "maxIntrospectionLists",
    `{ __schema { queryType { fields { name } } directives { args { name } } } }`,
    `{ __schema { types { ...T } directives { args { name } } } } fragment T on __Type { fields { name } }`,
  ],
  ["maxPageSize", `{ boxes(first: 20) { totalCount } }`, `{ boxes(first: 21) { totalCount } }`],
  [
    "maxRows",
    `{ boxes(first: 10) { nodes { inner(first: 20) { totalCount } } } }`,
    `{ boxes(first: 11) { nodes { inner(first: 20) { totalCount } } } }`,
  ],
  ["maxAnswerBytes", `{ boxes(first: 10) { nodes { label } } }`, `{ boxes(first: 15) { nodes { label } } }`],
  [
    "maxAnswerBytes",
    `{ boxes(first: 10) { nodes { label data { __typename } } } __schema { queryType { name } } }`,
    `{ boxes(first: 15) { nodes { label data { __typename } } } __schema { queryType { name } } }`,
  ],
];

test.each(cases)("%s", async (limit, within, beyond) => {
  expect((await lab.ask(within)).errors).toBeUndefined();
  const fault = await lab.fault(beyond);
  expect(fault).toMatchObject({
    code: "LIMIT_EXCEEDED",
    extensions: { limit: limits[limit], setting: limitSettings[limit], retryable: false },
  });
  expect(fault.message).toContain(String(limits[limit]));
  expect(fault.message).toContain(limitSettings[limit]);
});

describe("what variables and mutations bring", () => {
  it("conditions given as a variable count too", async () => {
    const query = "query($where: BoxFilter) { boxes(first: 1, where: $where) { totalCount } }";
    const where = { and: Array.from({ length: 6 }, () => ({ not: { box: { eq: 1 } } })) };
    expect(await lab.fault(query, { where })).toMatchObject({
      extensions: { setting: "HOLDFAST_MAX_CONDITIONS" },
    });
    const many = { box: { in: Array.from({ length: 5000 }, (_, n) => n) } };
    expect((await lab.data(query, { where: many })).boxes.totalCount).toBe(20);
    const more = { box: { in: Array.from({ length: 6001 }, (_, n) => n) } };
    expect(await lab.fault(query, { where: more })).toMatchObject({
      extensions: { setting: "HOLDFAST_MAX_VALUES", limit: 6000 },
    });
  });

  it("depth counts before anything recursive looks", async () => {
    const levels = (count: number, of: (inner: unknown) => unknown) =>
      Array.from({ length: count }).reduce<unknown>((inner) => of(inner), {});
    const filter = "query($where: BoxFilter) { boxes(first: 1, where: $where) { totalCount } }";
    const input = "mutation($input: CreateBoxInput!) { createBox(input: $input) { box { box } } }";
    for (const count of [51, 100_000]) {
      const where = levels(count, (inner) => ({ or: [inner] }));
      expect((await lab.fault(filter, { where })).code).toBe("LIMIT_EXCEEDED");
      const given = { input: levels(count, (create) => ({ in: { create } })) };
      expect(await lab.fault(input, given)).toMatchObject({
        extensions: { setting: "HOLDFAST_MAX_VARIABLE_DEPTH", limit: 50 },
      });
    }
  });

  it("root fields of a mutation count before anything is written", async () => {
    const create = (n: number) => `m${n}: createBox(input: {box: ${100 + n}}) { box { box } }`;
    expect(await lab.fault(`mutation { ${times(6, create)} }`)).toMatchObject({
      extensions: { setting: "HOLDFAST_MAX_ROOT_FIELDS" },
    });
    expect((await lab.data("{ boxes(first: 1) { totalCount } }")).boxes.totalCount).toBe(20);
  });

  it("fragments that double at each level are refused without the doubling", async () => {
    const levels = 40;
    const fragment = (n: number) => `fragment f${n} on Box { a: in { ...f${n + 1} } b: in { ...f${n + 1} } }`;
    const text = `{ box(box: 1) { ...f0 } } ${times(levels, fragment)} fragment f${levels} on Box { box }`;
    expect(await doubling.fault(text)).toMatchObject({
      extensions: { limit: 5000, setting: "HOLDFAST_MAX_FIELDS" },
    });
  });
});

it("what is asked of a node costs by the types that are named, not by those that are there", async () => {
  for (const name of names.slice(0, 4))
    await wide.db.query(`INSERT INTO lab.${name.toLowerCase()} VALUES (1)`);
  const id = (name: string) => Buffer.from(`["${name}", "1"]`).toString("base64");
  const query = `query($ids: [ID!]!) { nodes(ids: $ids) { ...F ... on T1 { key } } }
    fragment F on Node { kind: __typename ... on Node { id ...G } } fragment G on T2 { key again: key }`;
  const { nodes } = await wide.data(query, { ids: names.slice(0, 4).map(id) });
  expect(nodes).toEqual([
    { kind: "T0", id: id("T0") },
    { kind: "T1", id: id("T1"), key: 1 },
    { kind: "T2", id: id("T2"), key: 1, again: 1 },
    { kind: "T3", id: id("T3") },
  ]);
});

describe("variables that do not fit", () => {
  const create = "mutation($input: CreateBoxInput!) { createBox(input: $input) { affected { count } } }";
  const crowd = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 1]));

  it("a value with far more fields than its type has is refused in one sentence, wherever it lies", async () => {
    for (const [input, place] of [
      [crowd(1500), "input"],
      [{ box: 1, in: { create: crowd(1500) } }, "input.in.create"],
      [{ box: crowd(1500) }, "input.box"],
    ] as const) {
      const fault = await lab.fault(create, { input });
      expect(fault).toMatchObject({ code: "BAD_USER_INPUT", extensions: { field: place } });
      expect(fault.message).toMatch(
        new RegExp(`^Variable "\\$${place}" has 1500 fields that .* the first is "k0"`),
      );
    }
  });

  it("names of what all objects inherit are fields like any other", async () => {
    const fault = await lab.fault(create, { input: { box: { constructor: {}, toString: { a: 1 } } } });
    expect(fault).toMatchObject({ code: "BAD_USER_INPUT", message: expect.stringMatching(/at "input.box"/) });
  });

  it("JSON may have as many as it likes", async () => {
    await lab.data(create, { input: { box: 900, data: { json: crowd(3000) } } });
    await lab.db.query("DELETE FROM lab.box WHERE box = 900");
  });

  it("a few faults are told one by one, in the words of graphql-js; what they repeat is cut in the middle", async () => {
    const answer = await lab.ask(create, { input: { box: 1, ...crowd(3) } });
    expect(answer.errors?.map(({ message }) => message)).toEqual(
      [0, 1, 2].map((n) =>
        expect.stringMatching(
          new RegExp(`^Variable "\\$input" got invalid value .*Field "k${n}" is not defined`),
        ),
      ),
    );
    const long = await lab.fault(create, { input: { box: 1, label: "x".repeat(100_000), other: 1 } });
    expect(long.message).toMatch(
      /^Variable "\$input" got invalid value .*xxx … xxx.*Field "other" is not defined/,
    );
    expect(long.message.length).toBeLessThan(2100);
  });

  it("many faults of a large value are not all told", async () => {
    const rows = Array.from({ length: 12_000 }, (_, box) => ({ box, label: 1, wrong: 2 }));
    const text = "mutation($rows: [CreateBoxInput!]!) { createBoxes(rows: $rows) { count } }";
    const answer = await lab.ask(text, { rows });
    expect(answer.errors?.length).toBeLessThanOrEqual(2);
  });
});

describe("time", () => {
  it("stops a statement at the server, names the limit, and leaves the connection usable", async () => {
    const running = lab.db.query("SELECT pg_sleep(20)", [], { timeoutMs: 100 });
    await expect(running).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
    // The limit is that of the statement that asked for it, not of its connection.
    const { rows } = await lab.db.query<{ limit: string }>(
      "SELECT current_setting('statement_timeout') AS limit",
    );
    expect(rows).toEqual([{ limit: "0" }]);
    await lab.db.query("SELECT 1", [], { timeoutMs: 100 });
    const inside = await lab.db.transaction((transaction) =>
      transaction.query<{ limit: string }>("SELECT current_setting('statement_timeout') AS limit"),
    );
    expect(inside.rows).toEqual([{ limit: "0" }]);
  });

  it("a read that waits for a lock ends with the limit's name", async () => {
    await lab.db.transaction(async (transaction) => {
      await transaction.query("LOCK TABLE lab.box IN ACCESS EXCLUSIVE MODE");
      const fault = await lab.fault("{ boxes(first: 1) { totalCount } }");
      expect(fault).toMatchObject({
        code: "LIMIT_EXCEEDED",
        extensions: { limit: 300, setting: "HOLDFAST_STATEMENT_TIMEOUT_MS" },
      });
    });
    expect((await lab.data("{ boxes(first: 1) { totalCount } }")).boxes.totalCount).toBe(20);
  });

  it("a mutation that waits for a lock ends the same way, with nothing written", async () => {
    await lab.db.transaction(async (transaction) => {
      await transaction.query("LOCK TABLE lab.box IN EXCLUSIVE MODE");
      const fault = await lab.fault("mutation { createBox(input: {box: 500}) { box { box } } }");
      expect(fault).toMatchObject({ code: "LIMIT_EXCEEDED", extensions: { limit: 300 } });
      expect(fault.message).toContain("HOLDFAST_STATEMENT_TIMEOUT_MS");
    });
    expect((await lab.data("{ box(box: 500) { box } }")).box).toBeNull();
  });

  it("holds also behind a pooler that lends connections by the transaction", async () => {
    const pooled = await connect(lab.db.config.connectionString ?? "", { prepared: false });
    await expect(pooled.query("SELECT pg_sleep(20)", [], { timeoutMs: 100 })).rejects.toMatchObject({
      code: "LIMIT_EXCEEDED",
    });
    expect((await pooled.query("SELECT 1 AS one", [], { timeoutMs: 100 })).rows).toEqual([{ one: 1 }]);
    await pooled.close();
  });

  it("planning that goes on after its time is refused", () => {
    const budget = planningBudget({ ...defaultApiLimits, planningMs: -1 });
    expect(() => budget.check()).toThrow(/HOLDFAST_PLANNING_MS/);
  });
});

describe("apiLimitsFrom", () => {
  it("each limit has a variable of its own, is read from it, and is what it is without", () => {
    expect(apiLimitsFrom({})).toEqual(defaultApiLimits);
    expect(new Set(Object.values(limitSettings)).size).toBe(Object.keys(limitSettings).length);
    for (const [name, setting] of Object.entries(limitSettings))
      expect(apiLimitsFrom({ [setting]: "7" })).toEqual({ ...defaultApiLimits, [name]: 7 });
  });

  it.each(["0", "-1", "1.5", "x", "1e3", " 5", "99999999999999999"])("refuses %j by name", (text) => {
    for (const setting of Object.values(limitSettings))
      expect(() => apiLimitsFrom({ [setting]: text })).toThrow(setting);
  });
});

/** Counts by graphql-js's own lexer and tree are what the guard counts. */
describe("the guard counts what the parser sees", () => {
  const name = fc.constantFrom("a", "b", "on", "fragment", "query", "id");
  const { document } = fc.letrec<{ document: string; set: string; item: string; value: string }>((tie) => ({
    document: tie("set"),
    set: fc.array(tie("item"), { minLength: 1, maxLength: 4 }).map((items) => `{ ${items.join("\n")} }`),
    item: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      name,
      fc.tuple(name, name).map(([alias, of]) => `${alias}: ${of}`),
      fc.tuple(name, tie("value")).map(([field, value]) => `${field}(x: ${value}) @include(if: true)`),
      fc.tuple(name, tie("set")).map(([field, set]) => `${field} ${set}`),
      tie("set").map((set) => `... on b ${set}`),
      tie("set").map((set) => `... @skip(if: $b) ${set}`),
      fc.constant("...a # c: d { }\n"),
    ),
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom("1", '"a: { b"', '"""c: " {"""', "$v", "-1.5e3"),
      tie("value").map((value) => `{ k: ${value} }`),
      tie("value").map((value) => `[${value}]`),
    ),
  }));

  it("aliases and tokens", async () => {
    const { Kind, Lexer, parse, Source, TokenKind, visit } = await import("graphql");
    fc.assert(
      fc.property(document, (text) => {
        let aliases = 0;
        visit(parse(text), {
          [Kind.FIELD]: (node: Answer) => {
            if (node.alias !== undefined) aliases += 1;
          },
        });
        const lexer = new Lexer(new Source(text));
        let tokens = 0;
        while (lexer.advance().kind !== TokenKind.EOF) tokens += 1;
        const huge = { ...defaultApiLimits, maxDepth: 400 };
        guardDocument(text, { ...huge, maxAliases: aliases, maxTokens: tokens });
        if (aliases > 0)
          expect(() => guardDocument(text, { ...huge, maxAliases: aliases - 1 })).toThrow("ALIASES");
        expect(() => guardDocument(text, { ...huge, maxTokens: tokens - 1 })).toThrow("TOKENS");
      }),
    );
  });
});

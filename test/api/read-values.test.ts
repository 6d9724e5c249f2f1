/** Values and documents at their edges: exact numbers, times, text, fragments, ids, refusals. */

import { beforeAll, describe, expect, test } from "vitest";
import { anyone, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Value @table {
    value: Int! @key
    tiny: Int @column(type: "int16")  big: BigInt  ratio: Float  single: Float @column(type: "float32")  wide: Float64  price: Decimal @column(type: "decimal(30,10)")
    day: Date  at: DateTime  text: String  isOn: Boolean  uuid: UUID  any: JSON  bytes: Bytes  sex: Sex
    names: [String!]  bigs: [BigInt!]  sure: Float! @column(default: 1)
  }
  enum Sex { M F U @value(name: "not known") }
  type Child @table { value: Value! @key  child: Int! @key }
`);

beforeAll(async () => {
  const columns =
    'value, big, ratio, single, wide, price, day, at, text, is_on, uuid, "any", bytes, sex, names, bigs, sure';
  await lab.db.query(`INSERT INTO lab.value (${columns}) VALUES
    (1, 9223372036854775807, 0.1, 0.1, 'NaN', 12345678901234567890.0123456789, '9999-12-31', '2026-05-17 08:30:00.000001', E'é "q" \\\\ 😀 {"":"x"}', true,
     '7f0c2f36-9a3e-4d1e-8a57-6f3a1e0c9b42', '{"": "NaN", "n": 12345678901234567890.5, "__proto__": 1}', '\\x00ff', 'not known', '["a", ""]', '[9223372036854775807]', 2),
    (2, -9223372036854775808, '-0', 3.4028235e38, '-Infinity', -0.0000000001, '0001-01-01', '0001-01-01', '', false, null, 'null', '\\x', 'M', '[]', '[]', 5e-324),
    (3, null, 'NaN', null, 1e22, null, null, '9999-12-31 23:59:59.999999', null, null, null, null, null, null, null, null, 3),
    (4, null, 'Infinity', null, null, null, null, null, null, null, null, null, null, null, null, null, 'NaN')`);
  await lab.db.query(`INSERT INTO lab.child SELECT 1, i FROM generate_series(1, 3) i`);
});

const all = "big ratio single wide price day at text isOn uuid any bytes sex names bigs sure";

describe("values", () => {
  test("are exact at their upper and lower edges, as text straight from the database", async () => {
    lab.statements.length = 0;
    expect(
      await lab.data(`{ a: value(value: 1) { ${all} } b: value(value: 2) { ${all} } }`),
    ).toMatchInlineSnapshot(`
      {
        "a": {
          "any": {
            "": "NaN",
            "__proto__": 1,
            "n": 12345678901234567000,
          },
          "at": "2026-05-17T08:30:00.000001Z",
          "big": "9223372036854775807",
          "bigs": [
            "9223372036854775807",
          ],
          "bytes": "AP8=",
          "day": "9999-12-31",
          "isOn": true,
          "names": [
            "a",
            "",
          ],
          "price": "12345678901234567890.0123456789",
          "ratio": 0.1,
          "sex": "U",
          "single": 0.1,
          "sure": 2,
          "text": "é "q" \\ 😀 {"":"x"}",
          "uuid": "7f0c2f36-9a3e-4d1e-8a57-6f3a1e0c9b42",
          "wide": "NaN",
        },
        "b": {
          "any": null,
          "at": "0001-01-01T00:00:00Z",
          "big": "-9223372036854775808",
          "bigs": [],
          "bytes": "",
          "day": "0001-01-01",
          "isOn": false,
          "names": [],
          "price": "-0.0000000001",
          "ratio": -0,
          "sex": "M",
          "single": 3.4028235e+38,
          "sure": 5e-324,
          "text": "",
          "uuid": null,
          "wide": "-Infinity",
        },
      }
    `);
    expect(lab.statements).toHaveLength(1);
  });

  test("numbers of JSON columns keep every digit, with and without completion", async () => {
    for (const query of [
      `{ value(value: 1) { any } }`,
      `{ value(value: 1) { any } v: value(value: 3) { ratio } }`,
    ]) {
      const text = await raw(query);
      expect(text).toContain("12345678901234567890.5");
      expect(text).toMatch(/"__proto__":\s*1/);
    }
  });

  test("Float answers null with VALUE_NOT_FINITE for NaN and infinities; Float64 carries them", async () => {
    const answer = await lab.ask(`{ a: value(value: 3) { r: ratio wide } b: value(value: 4) { ratio } }`);
    expect(answer.data).toEqual({ a: { r: null, wide: 1e22 }, b: { ratio: null } });
    expect(answer.errors?.map(({ path, extensions }) => [path, extensions?.["code"]])).toEqual([
      [["a", "r"], "VALUE_NOT_FINITE"],
      [["b", "ratio"], "VALUE_NOT_FINITE"],
    ]);
  });

  test("null spreads to the nearest place that may be null", async () => {
    const one = await lab.ask(`{ value(value: 4) { sure } }`);
    expect(one.data).toEqual({ value: null });
    expect(one.errors?.[0]?.path).toEqual(["value", "sure"]);
    const list = await lab.ask(`{ values { nodes { value sure } } }`);
    expect(list.data).toBeNull();
    expect(list.errors?.[0]?.path).toEqual(["values", "nodes", 3, "sure"]);
  });

  test("rowVersion changes with an update", async () => {
    const version = async () => (await lab.data(`{ value(value: 2) { rowVersion } }`)).value.rowVersion;
    const before = await version();
    expect(await version()).toBe(before);
    await lab.db.query("UPDATE lab.value SET text = text WHERE value = 2");
    expect(await version()).not.toBe(before);
  });
});

async function raw(query: string): Promise<string> {
  const { HeaderMap } = await import("@apollo/server");
  const headers = new HeaderMap([["content-type", "application/json"]]);
  const httpGraphQLRequest = { method: "POST", headers, search: "", body: { query } };
  const { body } = await lab.server.executeHTTPGraphQLRequest({
    httpGraphQLRequest,
    context: async () => anyone,
  });
  return body.kind === "complete" ? body.string : "";
}

describe("documents", () => {
  test("fragments, aliases, merged fields, directives and response order", async () => {
    const query = `query($yes: Boolean!, $no: Boolean = false) {
      z: value(value: 1) { ...A value @skip(if: $yes) ... on Value @include(if: $no) { text } children(first: 2) { nodes { child } } }
      __typename
      a: value(value: 9) { value }
    }
    fragment A on Value { __typename isOn children(first: 2) { totalCount nodes { value { isOn } } } ...B }
    fragment B on Node { id }`;
    const data = await lab.data(query, { yes: true });
    expect(JSON.stringify(data)).toBe(
      `{"z":{"__typename":"Value","isOn":true,"children":{"totalCount":3,"nodes":[{"value":{"isOn":true},"child":1},{"value":{"isOn":true},"child":2}]},"id":"${data.z.id}"},"__typename":"Query","a":null}`,
    );
    expect(Object.keys((await lab.data(query, { yes: false, no: true })).z)).toContain("text");
  });

  test("response names longer than PostgreSQL's and as odd as GraphQL allows", async () => {
    const long = "x".repeat(200);
    const data = await lab.data(
      `{ ${long}: value(value: 1) { ${long}a: isOn ${long}b: text __proto__: value } }`,
    );
    expect(data[long][`${long}a`]).toBe(true);
    expect(Object.hasOwn(data[long], "__proto__")).toBe(true);
  });

  test("node and nodes find rows by id; what names nothing is null", async () => {
    const { value } = await lab.data(`{ value(value: 1) { id children { nodes { id } } } }`);
    const other = Buffer.from('["Value", "1 OR 1=1"]').toString("base64");
    const ids = [value.children.nodes[1].id, "x", value.id, other, value.id];
    lab.statements.length = 0;
    const data = await lab.data(
      `query($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { __typename ... on Value { value } ... on Child { child } } node(id: $id) { id ... on Value { isOn } } none: node(id: "?") { id } }`,
      { ids, id: value.id },
    );
    expect(lab.statements).toHaveLength(1);
    expect(data).toEqual({
      nodes: [
        { __typename: "Child", child: 2 },
        null,
        { __typename: "Value", value: 1 },
        null,
        { __typename: "Value", value: 1 },
      ],
      node: { id: value.id, isOn: true },
      none: null,
    });
  });

  test("introspection beside data, by graphql-js", async () => {
    const data = await lab.data(
      `query($n: String!) { value(value: 1) { isOn } __type(name: $n) { name } __schema { queryType { name } } }`,
      { n: "Value" },
    );
    expect(data).toEqual({
      value: { isOn: true },
      __type: { name: "Value" },
      __schema: { queryType: { name: "Query" } },
    });
    expect(Object.keys(data)).toEqual(["value", "__type", "__schema"]);
  });
});

describe("refusals", () => {
  const bad: readonly (readonly [string, string, Record<string, unknown>?])[] = [
    ["GRAPHQL_VALIDATION_FAILED", `{ value(value: "x") { text } }`],
    ["GRAPHQL_VALIDATION_FAILED", `{ value(value: 1) { nothing } }`],
    ["BAD_USER_INPUT", `{ values(where: {ratio: {gt: 1e999}}) { totalCount } }`],
    ["GRAPHQL_VALIDATION_FAILED", `{ values(where: {big: {eq: 9223372036854775808}}) { totalCount } }`],
    ["GRAPHQL_VALIDATION_FAILED", `{ values(where: {day: {eq: "0000-01-01"}}) { totalCount } }`],
    ["GRAPHQL_VALIDATION_FAILED", `{ values(where: {at: {eq: "2026-01-01T00:00:00"}}) { totalCount } }`],
    [
      "GRAPHQL_VALIDATION_FAILED",
      `{ values(where: {at: {eq: "2026-01-01T00:00:00.0000001Z"}}) { totalCount } }`,
    ],
    ["BAD_USER_INPUT", `query($b: BigInt) { values(where: {big: {eq: $b}}) { totalCount } }`, { b: 2 ** 60 }],
    [
      "BAD_USER_INPUT",
      `query($d: Date) { values(where: {day: {eq: $d}}) { totalCount } }`,
      { d: "10000-01-01" },
    ],
    ["BAD_USER_INPUT", `query($t: String) { values(where: {text: {eq: $t}}) { totalCount } }`, { t: "a\0b" }],
    [
      "BAD_USER_INPUT",
      `query($t: String) { values(where: {text: {eq: $t}}) { totalCount } }`,
      { t: "\ud800" },
    ],
    ["BAD_USER_INPUT", `{ values(where: {text: {eq: "a\\u0000b"}}) { totalCount } }`],
    ["BAD_USER_INPUT", `query($i: Int!) { value(value: $i) { text } }`, {}],
    ["GRAPHQL_PARSE_FAILED", `{ value(value: 1) { text }`],
    ["LIMIT_EXCEEDED", `{ ${"value(value: 1) { children { nodes { ".repeat(400)}`],
    ["LIMIT_EXCEEDED", `{ value(value: 1) { text } } # ${"x".repeat(10_000_000)}`],
    ["LIMIT_EXCEEDED", `{ ${"a: __typename ".repeat(10_000)} }`],
    ["LIMIT_EXCEEDED", `{ values(where: ${"{not: ".repeat(1000)}{}${"}".repeat(1000)}) { totalCount } }`],
  ];
  test.each(bad.map(([code, query, variables = {}]) => ({ code, query, variables })))(
    "$code",
    async ({ code, query, variables }) => {
      const fault = await lab.fault(query, variables);
      expect(fault.code).toBe(code);
      expect(fault.data).toBeUndefined();
      expect(await lab.data("{ __typename }")).toEqual({ __typename: "Query" });
    },
  );

  test("a value that a column cannot hold is no row's value, not a fault", async () => {
    const count = async (where: string) =>
      (await lab.data(`{ values(where: ${where}) { totalCount } }`)).values.totalCount;
    expect(await count("{tiny: {eq: 70000}}")).toBe(0);
    expect(await count("{single: {lt: 1e300}}")).toBe(2);
    expect(await count("{single: {gt: 1e-300}}")).toBe(2);
    expect(await count("{single: {eq: 0.1}}")).toBe(1);
  });

  test("times are compared in UTC with microseconds, whatever the offset", async () => {
    const query = `query($at: DateTime!) { values(where: {at: {eq: $at}}) { nodes { value } } }`;
    const data = await lab.data(query, { at: "2026-05-17T10:30:00.000001+02:00" });
    expect(data.values.nodes).toEqual([{ value: 1 }]);
  });

  test("a caller without rights is refused; what is unforeseen is masked, and logged under its id", async () => {
    const nobody = { ...anyone, principal: { name: "nobody", rights: new Set<never>() } };
    const answer = await lab.execute({ query: "{ values { totalCount } }" }, nobody);
    expect(answer.errors?.[0]?.extensions?.["code"]).toBe("FORBIDDEN");
    await lab.db.query("ALTER TABLE lab.child RENAME TO hidden");
    const drifted = await lab.fault("{ children { totalCount } }");
    expect(drifted).toMatchObject({ code: "SCHEMA_DRIFT", message: expect.stringContaining("lab.child") });
    await lab.db.query(`CREATE FUNCTION lab.secret() RETURNS boolean STABLE LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'secret of the house' USING ERRCODE = 'XX000'; END $$;
      CREATE VIEW lab.child AS SELECT * FROM lab.hidden WHERE lab.secret()`);
    lab.logged.length = 0;
    const fault = await lab.fault("{ children { totalCount } }");
    await lab.db.query("DROP VIEW lab.child; ALTER TABLE lab.hidden RENAME TO child");
    expect(fault.code).toBe("INTERNAL_SERVER_ERROR");
    expect(fault.message).not.toContain("secret");
    expect(lab.logged).toHaveLength(1);
  });
});

import { describe, expect, it } from "vitest";
import type { Column } from "../../src/model/model.ts";
import { parseModel } from "../../src/model/parse.ts";
import { testContext } from "./context.ts";

/** Columns of a table with the given fields behind its key, by name. */
function columnsOf(fields: string, more = ""): Record<string, Column> {
  const text = `type Thing @table { thingId: Int! @key ${fields} } ${more}`;
  const model = parseModel([{ path: "schema.graphql", text }], testContext);
  return Object.fromEntries(model.entity.get("Thing")?.columns.map((column) => [column.name, column]) ?? []);
}

function typeOf(field: string, more = ""): string {
  const column = columnsOf(`x: ${field}`, more)["x"];
  return `${column?.type.spec} → ${column?.type.sql}`;
}

describe("types", () => {
  it.each([
    ["Int", "int32 → integer"],
    ["BigInt", "int64 → bigint"],
    ["Float", "float64 → double precision"],
    ["Float64", "float64 → double precision"],
    ["Float32", "float32 → real"],
    ["String", "varchar(255) → varchar(255)"],
    ["Boolean", "bool → boolean"],
    ["Date", "date → date"],
    ["DateTime", "datetime(6) → timestamp(6)"],
    ["UUID", "uuid → uuid"],
    ["JSON", "json → jsonb"],
    ["Bytes", "bytes → bytea"],
    ['Int @column(type: "int8")', "int8 → smallint"],
    ['Int @column(type: "int16")', "int16 → smallint"],
    ['BigInt @column(type: "int32")', "int32 → integer"],
    ['Float @column(type: "float32")', "float32 → real"],
    ['String @column(type: "char(3)")', "char(3) → char(3)"],
    ['String @column(type: "varchar(100000)")', "varchar(100000) → varchar(100000)"],
    ['DateTime @column(type: "datetime")', "datetime → timestamp"],
    ['DateTime @column(type: "datetime(3)")', "datetime(3) → timestamp(3)"],
    ['Decimal @column(type: "decimal(9, 3)")', "decimal(9,3) → numeric(9,3)"],
    ["[String!]!", "json → jsonb"],
    ['Blob @codec(name: "blob", store: "cold")', "<blob@cold> → jsonb"],
    ['FileRef @codec(name: "filepath", store: "default")', "<filepath@acquisition> → jsonb"],
  ])("%s is stored as %s", (field, expected) => {
    expect(typeOf(field)).toBe(expected);
  });

  it("name enum types by the set of stored texts", () => {
    const more =
      'enum Sex { M F U } enum Stage { EARLY @value(name: "early stage") LATE @value(name: "late") }';
    expect(typeOf("Sex", more)).toBe("enum('M','F','U') → enum_e54fc739");
    expect(typeOf("Stage", more)).toMatch(/^enum\('early stage','late'\) → enum_[0-9a-f]{8}$/);
    expect(columnsOf("x: Sex", more)["x"]?.type).toMatchObject({
      graphql: "Sex",
      enum: "Sex",
      enumSchema: "lab",
    });
  });

  it("keep what lists hold", () => {
    expect(columnsOf("x: [Float]")["x"]?.type.list).toEqual({ element: "Float", elementNullable: true });
    expect(columnsOf("x: [Float!]!")["x"]?.type.list).toEqual({ element: "Float", elementNullable: false });
  });

  it("resolve the default store and keep the codec's arguments", () => {
    const codec = (text: string): unknown => columnsOf(`x: ${text}`)["x"]?.type.codec;
    expect(codec('Rated @codec(name: "rated", args: {unit: S, tags: "one"})')).toEqual({
      name: "rated",
      isDefaultStore: false,
      args: { rate: 30000, unit: "S", tags: ["one"] },
    });
    expect(codec('Rated @codec(name: "rated")')).toMatchObject({ args: { rate: 30000, unit: "MS" } });
    expect(codec('Blob @codec(name: "blob", store: "default")')).toMatchObject({
      store: "main",
      isDefaultStore: true,
    });
    expect(codec('Blob @codec(name: "blob", store: "main")')).toMatchObject({
      store: "main",
      isDefaultStore: true,
    });
    expect(codec('Blob @codec(name: "blob", store: "cold")')).toMatchObject({
      store: "cold",
      isDefaultStore: false,
    });
  });
});

describe("defaults", () => {
  it.each([
    ["Int!", "-3", "-3"],
    ["BigInt!", '"9223372036854775807"', "9223372036854775807"],
    ["BigInt!", "-9223372036854775808", "-9223372036854775808"],
    ["Float!", "1.5e3", "1.5e3"],
    ["Float64!", '"NaN"', "NaN"],
    ["String!", '"it\'s"', "it's"],
    ["Boolean!", "true", "true"],
    ["Date!", '"2024-02-29"', "2024-02-29"],
    ["DateTime!", '"2024-02-29T23:30:00.25-02:00"', "2024-03-01 01:30:00.25"],
    ["DateTime!", '"CURRENT_TIMESTAMP"', "CURRENT_TIMESTAMP"],
    ["DateTime!", '"CURRENT_TIMESTAMP(3)"', "CURRENT_TIMESTAMP(3)"],
    ["UUID!", '"F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"', "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"],
    ["JSON!", "{a: [1, null], b: true}", '{"a":[1,null],"b":true}'],
    ["[Int!]!", "[1, 2]", "[1,2]"],
    ["[Date!]!", "[]", "[]"],
    ["Stage!", "EARLY", "early stage"],
  ])("of %s written %s is %s", (type, literal, expected) => {
    const more = 'enum Stage { EARLY @value(name: "early stage") LATE }';
    const column = columnsOf(`x: ${type} @column(default: ${literal})`, more)["x"];
    expect(column).toMatchObject({ default: expected, nullable: false });
  });

  it("of decimals keep their digits", () => {
    const column = columnsOf('x: Decimal! @column(type: "decimal(4,2)", default: "12.50")')["x"];
    expect(column?.default).toBe("12.50");
  });

  it("are null for nullable fields and absent for others", () => {
    const columns = columnsOf("a: Int b: Int! c: Int @column(default: null)");
    expect(columns["a"]).toMatchObject({ nullable: true, default: null });
    expect(columns["b"]).not.toHaveProperty("default");
    expect(columns["c"]).toMatchObject({ nullable: true, default: null });
  });
});

describe("names", () => {
  it("follow the class rule, or @column(name:)", () => {
    const columns = columnsOf('startedAt: Int aB1C: Int rowId: Int @column(name: "id") plain_name: Int');
    expect(Object.keys(columns)).toEqual(["thing_id", "started_at", "a_b1_c", "id", "plain_name"]);
    expect(columns["id"]?.field).toBe("rowId");
  });

  it("of before are kept for the diff", () => {
    expect(columnsOf('label: String @renamedFrom(name: "oldLabel")')["label"]?.renamedFrom).toBe("old_label");
  });
});

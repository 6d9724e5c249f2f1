/** The text of the sample's tables, reviewed by eye against the peer's declarations; and the corners of names and comments. */

import { describe, expect, it } from "vitest";
import type { Catalog } from "../../src/sql/catalog.ts";
import { comparableType, conversion } from "../../src/sql/column-type.ts";
import { columnComment, sameComment, tableComment } from "../../src/sql/comment.ts";
import { sameDefault } from "../../src/sql/default.ts";
import { planChanges } from "../../src/sql/diff.ts";
import { referenceColumn } from "../../src/sql/hidden.ts";
import { freeIndexName, indexName } from "../../src/sql/indexes.ts";
import { wantedTables } from "../../src/sql/table.ts";
import { model } from "../support/sdl.ts";

const nothing: Catalog = {
  schemas: new Set(),
  tables: new Map(),
  enums: [],
  outside: [],
  lineage: new Map(),
  names: new Map(),
  made: [],
};

function sqlOf(text: string): string {
  return `${planChanges(model(text), nothing)
    .map((change) => change.sql)
    .join(";\n\n")};\n`;
}

describe("planChanges on an empty database", () => {
  it("declares the sample of the API's description as the peer would", async () => {
    const sample = `
      extend schema @database(schema: "lab")
      "A mouse, rat or fly under study."
      type Subject @table {
        subjectId: Int! @key
        name: String! @column(type: "varchar(64)") @unique
        species: Species!
        sex: Sex!
        birth: Date
        "grams, \\"net\\" weight"
        weight: Float @column(type: "float32")
      }
      enum Sex { M F U }
      type Species @table(tier: LOOKUP) { species: String! @key @column(type: "varchar(40)") }
      type Session @table {
        subject: Subject! @key
        sessionIdx: Int! @key
        startedAt: DateTime!
        settings: Blob @codec(name: "blob")
        notes: File @codec(name: "attach", store: "default")
      }
      type Recording @table(tier: IMPORTED) {
        session: Session! @key
        traces: NdArray @codec(name: "npy", store: "default")
        volume: Tree @codec(name: "object", store: "default")
        raw: FileRef @codec(name: "filepath", store: "cold")
      }
      type RecordingUnit @table(partOf: "Recording") {
        recording: Recording! @key
        unit: Int! @key
        waveform: NdArray @codec(name: "npy", store: "default")
      }`;
    await expect(sqlOf(sample)).toMatchFileSnapshot("ddl.sample.sql");
  });

  it("adds the foreign keys that close a ring when both tables are there", () => {
    const sql = sqlOf(`
      type Lab @table { labId: Int! @key  head: Person @reference(columns: ["head"]) @reverse(name: "heads") }
      type Person @table { personId: Int! @key  lab: Lab!  boss: Person @reference(columns: ["boss"]) @reverse(name: "staff") }`);
    const at = (text: string): number => sql.indexOf(text);
    expect(at('CREATE TABLE IF NOT EXISTS "lab"."lab"')).toBeLessThan(
      at('CREATE TABLE IF NOT EXISTS "lab"."person"'),
    );
    expect(at('ALTER TABLE "lab"."lab" ADD FOREIGN KEY ("head") REFERENCES "lab"."person"')).toBeGreaterThan(
      at('CREATE TABLE IF NOT EXISTS "lab"."person"'),
    );
    expect(sql).toContain(
      'FOREIGN KEY ("boss") REFERENCES "lab"."person" ("person_id") ON UPDATE CASCADE ON DELETE RESTRICT\n)',
    );
  });

  it("gives a reference the type of its target, through any number of them, without the precision of a timestamp", () => {
    const tables = wantedTables(
      model(`
      extend schema @database(schema: "near")
      type Kind @table(tier: LOOKUP, schema: "far") { kind: Mood! @key  at: DateTime! @key @column(type: "datetime(3)") }
      enum Mood { CALM WILD }
      type Thing @table { thing: Kind! @key }
      type Deep @table { thing: Thing! @key }`),
    );
    const deep = tables.find((table) => table.entity === "Deep");
    expect(deep?.columns.map((column) => [column.name, column.type, column.comment])).toEqual([
      ["kind", expect.stringMatching(/^"far"\."enum_[0-9a-f]{8}"$/), null],
      ["at", "timestamp", null],
    ]);
    expect([...(deep?.lineage ?? [])]).toEqual([
      ["kind", "far.#kind.kind"],
      ["at", "far.#kind.at"],
    ]);
  });

  it("makes a supporting index only where no key or index begins with the columns", () => {
    const indexes = wantedTables(
      model(
        `
      type A @table { a: Int! @key  b: Int! @key }
      type S @table { s: Int! @key }
      type R @table @index(fields: ["own", "one"]) {
        one: A! @key
        two: A @reference(columns: ["x", "y"]) @reverse(name: "twos")
        own: Int
        s: S
        again: S @reference(columns: ["x"]) @reverse(name: "agains")
        once: S @reference(columns: ["z"]) @unique
      }`.replace('"own", "one"', '"own", "s"'),
      ),
    ).find((table) => table.entity === "R")?.indexes;
    expect(indexes).toEqual([
      { columns: ["z"], unique: true },
      { columns: ["own", "s"], unique: false },
      { columns: ["x", "y"], unique: false, supports: true },
      { columns: ["s"], unique: false, supports: true },
    ]);
  });
});

describe("names", () => {
  it("cuts an index name as the peer does, and evades one that is taken", () => {
    const columns = ["a_rather_long_column", "another_long_column"];
    expect(indexName("~~scan", ["status", "priority", "scheduled_time"])).toBe(
      "idx_~~scan_status_priority_scheduled_time",
    );
    expect(indexName("t", columns)).toBe("idx_t_a_rather_long_column_another_l");
    const usual = indexName("x".repeat(60), columns);
    expect(usual).toHaveLength(63);
    const other = freeIndexName("x".repeat(60), columns, new Set([usual]));
    expect(other).not.toBe(usual);
    expect(other.length).toBeLessThanOrEqual(63);
  });

  it("names the hidden column as the database does", () => {
    expect(referenceColumn("traces")).toBe("_traces_ref");
    expect(referenceColumn("c".repeat(51))).toMatch(/^_c{40}_[0-9a-f]{8}_ref$/);
  });
});

describe("comments", () => {
  it("writes the spec and the text, quotes with a backslash", () => {
    expect(columnComment("int32", "")).toBe(":int32:");
    expect(columnComment("varchar(24)", 'a short "code"')).toBe(':varchar(24):a short \\"code\\"');
    expect(tableComment("two\n  lines")).toBe("two lines");
  });

  it("takes the default store by name or without, and no other", () => {
    expect(sameComment(":<npy@>:x", ":<npy@main>:x", "main")).toBe(true);
    expect(sameComment(":<npy@main>:x", ":<npy@main>:x", "main")).toBe(true);
    expect(sameComment(":<npy@cold>:x", ":<npy@main>:x", "main")).toBe(false);
    expect(sameComment(":<npy@>:x", ":<npy@cold>:x", undefined)).toBe(false);
    expect(sameComment(":<npy>:x", ":<npy@main>:x", "main")).toBe(false);
    expect(sameComment(":enum('a', 'b'):", ":enum('b','a'):")).toBe(true);
    expect(sameComment(":enum('a', 'c'):", ":enum('b','a'):")).toBe(false);
    expect(sameComment(null, ":int32:")).toBe(false);
    expect(sameComment("", null)).toBe(true);
  });
});

describe("types and defaults", () => {
  it.each([
    ["varchar(64)", "character varying(64)"],
    ["char(6)", "character(6)"],
    ["timestamp(6)", "timestamp without time zone"],
    ["timestamp(3)", "timestamp(3) without time zone"],
    ["timestamp(3) without time zone", "timestamp(3) without time zone"],
    ["decimal(5, 2)", "numeric(5,2)"],
    ["numeric(5)", "numeric(5,0)"],
    ["int", "integer"],
    ["float8", "double precision"],
    ["timestamp with time zone", "timestamp with time zone"],
  ])("%s is %s", (text, name) => {
    expect(comparableType(text)).toBe(name);
  });

  it.each([
    ["'3'::smallint", "3", "smallint", true],
    ["0", "0", "integer", true],
    ["'-1.5'::double precision", "-1.5", "double precision", true],
    ["'0.1'::real", "0.10000000149", "real", true],
    ["0.50", "0.5", "numeric(5,2)", true],
    ["0.51", "0.5", "numeric(5,2)", false],
    ["'it''s'::character varying", "it's", "character varying(12)", true],
    ["true", "true", "boolean", true],
    ["NULL::bpchar", null, "character(6)", true],
    [null, null, "integer", true],
    [null, "1", "integer", false],
    ["CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP", "timestamp(3) without time zone", true],
    ["CURRENT_TIMESTAMP(3)", "CURRENT_TIMESTAMP", "timestamp(3) without time zone", false],
    ["'U'::djf_lab.enum_e54fc739", "U", '"djf_lab"."enum_e54fc739"', true],
    ["nextval('s'::regclass)", "1", "integer", false],
    ["nextval('s'::regclass)", undefined, "integer", true],
    ["CURRENT_TIMESTAMP(3)", undefined, "timestamp without time zone", false],
    [
      "'2020-02-29 00:00:00'::timestamp without time zone",
      "2020-02-29T00:00:00Z",
      "timestamp without time zone",
      true,
    ],
  ] as const)("%s as default %s of %s: %s", (expression, wanted, type, same) => {
    expect(sameDefault(expression, wanted, type)).toBe(same);
  });

  it.each([
    ["smallint", "bigint", false, false],
    ["bigint", "smallint", false, true],
    ["real", "double precision", false, false],
    ["double precision", "real", true, false],
    ["character varying(5)", "character varying(9)", false, false],
    ["character varying(9)", "character varying(5)", false, true],
    ["numeric(5,2)", "numeric(7,3)", false, false],
    ["numeric(5,2)", "numeric(5,1)", true, true],
    ["numeric(5,2)", "numeric(4,2)", false, true],
    ["date", "timestamp without time zone", false, false],
    ["timestamp without time zone", "timestamp(3) without time zone", true, false],
  ] as const)("%s to %s: lossy %s, may not fit %s", (from, to, lossy, misfits) => {
    const how = conversion(from, to);
    expect(how?.lossy).toBe(lossy);
    expect(how?.misfit !== undefined).toBe(misfits);
  });

  it("converts nothing that would have to be guessed", () => {
    expect(conversion("uuid", "bytea")).toBeUndefined();
    expect(conversion("jsonb", "integer")).toBeUndefined();
    expect(conversion("boolean", "integer")).toBeUndefined();
  });
});

/** What the tables must be for a model, told apart from `src/sql`: from the model to PostgreSQL's own words. */

import { expect } from "vitest";
import type { Queryable } from "../../src/db/contract.ts";
import type { Column, Entity, Model } from "../../src/model/model.ts";

const types: Readonly<Record<string, string>> = {
  int8: "smallint",
  int16: "smallint",
  int32: "integer",
  int64: "bigint",
  float32: "real",
  float64: "double precision",
  bool: "boolean",
  date: "date",
  datetime: "timestamp without time zone",
  uuid: "uuid",
  json: "jsonb",
  bytes: "bytea",
};

function typeOf(model: Model, entity: Entity, column: Column): string {
  const { spec, codec } = column.type;
  if (codec !== undefined) return codec.store === undefined ? "bytea" : "jsonb";
  if (spec.startsWith("enum("))
    return `${originOf(model, entity, column.name).split(".")[0]}.${column.type.sql}`;
  const sized = /^(char|varchar|decimal|datetime)\((.*)\)$/.exec(spec);
  if (sized === null) return types[spec] ?? `? ${spec}`;
  if (sized[1] === "char") return `character(${sized[2]})`;
  if (sized[1] === "varchar") return `character varying(${sized[2]})`;
  if (sized[1] === "decimal") return `numeric(${sized[2]})`;
  return column.origin === "reference"
    ? "timestamp without time zone"
    : `timestamp(${sized[2]}) without time zone`;
}

function commentOf(column: Column): string | null {
  if (column.origin === "reference") return null;
  const text = column.description
    .split(/\s*[\r\n\u2028\u2029]+\s*/)
    .join(" ")
    .trim()
    .split('"')
    .join('\\"');
  return `:${column.type.spec}:${text}`;
}

function originOf(model: Model, entity: Entity, name: string): string {
  const reference = entity.references.find((one) => one.columns.some((pair) => pair.column === name));
  const column = entity.columns.find((one) => one.name === name);
  const pair = reference?.columns.find((one) => one.column === name);
  const target = reference === undefined ? undefined : model.entity.get(reference.target);
  if (column?.origin !== "reference" || pair === undefined || target === undefined)
    return `${entity.schema}.${entity.table}.${name}`;
  return originOf(model, target, pair.target);
}

/** Every part of one table, as the model says it. */
function wanted(model: Model, entity: Entity) {
  const keys = entity.references.map((reference) => {
    const target = model.entity.get(reference.target);
    const own = reference.columns.map((pair) => pair.column).join(", ");
    const other = reference.columns.map((pair) => pair.target).join(", ");
    return `(${own}) -> ${target?.schema}.${target?.table} (${other}) c r`;
  });
  const guarded = entity.columns.filter((column) => {
    const codec = column.type.codec;
    return codec?.store !== undefined && codec.name !== "filepath";
  });
  const hidden = guarded.map((column) => `(_${column.name}_ref) -> ${entity.schema}.~object (locator) a a`);
  const lineage = entity.columns
    .filter((column) => column.inKey || column.origin === "reference")
    .map((column) => `${column.name} ${originOf(model, entity, column.name)}`);
  return {
    comment: entity.description
      .split(/\s*[\r\n\u2028\u2029]+\s*/)
      .join(" ")
      .trim(),
    columns: Object.fromEntries(
      entity.columns.map((column) => [
        column.name,
        { type: typeOf(model, entity, column), nullable: column.nullable, comment: commentOf(column) },
      ]),
    ),
    hidden: guarded.map((column) => `_${column.name}_ref`).sort(),
    key: entity.key.join(", "),
    uniques: [...new Set(entity.uniques.map((set) => set.columns.join(", ")))].sort(),
    foreignKeys: [...new Set([...keys, ...hidden])].sort(),
    lineage: lineage.sort(),
  };
}

const columnsSql = `
  SELECT c.relname AS "table", a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
    col_description(c.oid, a.attnum) AS comment, a.attgenerated = 's' AS hidden
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND c.relname NOT LIKE '~%'`;
const names = (table: string, numbers: string): string =>
  `(SELECT string_agg(a.attname, ', ' ORDER BY n.at) FROM unnest(${numbers}) WITH ORDINALITY n(num, at) JOIN pg_attribute a ON a.attrelid = ${table} AND a.attnum = n.num)`;
const foreignKeysSql = `
  SELECT c.relname AS "table", format('(%s) -> %s.%s (%s) %s %s', ${names("k.conrelid", "k.conkey")}, n.nspname, t.relname,
    ${names("k.confrelid", "k.confkey")}, k.confupdtype, k.confdeltype) AS text
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace n ON n.oid = t.relnamespace
  WHERE k.contype = 'f' AND c.relnamespace = $1::regnamespace AND c.relname NOT LIKE '~%'`;
const indexesSql = `
  SELECT c.relname AS "table", (SELECT relname FROM pg_class WHERE oid = i.indexrelid) AS name, i.indisprimary AS "primary", i.indisunique AS "unique", ${names("c.oid", "i.indkey::int2[]")} AS text
  FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = $1::regnamespace AND c.relname NOT LIKE '~%'`;

interface Named {
  table: string;
  text: string;
}

interface IndexRow extends Named {
  name: string;
  primary: boolean;
  unique: boolean;
}

/**
 * Fails where the tables of the model's schemas are not exactly what the model says. Tables that were `reached` from others may keep
 * either word for one type: `datetime` and `datetime(6)` mean the same, so that a change between them is none.
 */
export async function expectTables(
  db: Queryable,
  model: Model,
  options: { readonly reached?: boolean } = {},
): Promise<void> {
  const told = options.reached === true ? sameWords : (tables: object) => tables;
  for (const name of new Set(model.entities.map((entity) => entity.schema)))
    await expectSchema(db, model, { name, told });
  await expectDefaults(db, model);
}

function sameWords(tables: object): object {
  const text = JSON.stringify(tables)
    .replaceAll("timestamp(6)", "timestamp")
    .replaceAll(":datetime(6):", ":datetime:");
  return JSON.parse(text);
}

interface Expected {
  readonly name: string;
  readonly told: (tables: object) => object;
}

async function expectSchema(db: Queryable, model: Model, { name, told }: Expected): Promise<void> {
  const schema = [name];
  const entities = model.entities.filter((entity) => entity.schema === name);
  const tables = await db.query<{ name: string; comment: string | null }>(
    "SELECT relname AS name, obj_description(oid) AS comment FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND relname NOT LIKE '~%'",
    schema,
  );
  const columns = await db.query<{
    table: string;
    name: string;
    type: string;
    nullable: boolean;
    comment: string | null;
    hidden: boolean;
  }>(columnsSql, schema);
  const keys = await db.query<Named>(foreignKeysSql, schema);
  const indexes = await db.query<IndexRow>(indexesSql, schema);
  const lineage = await db.query<Named>(
    `SELECT table_name AS "table", attribute_name || ' ' || lineage AS text FROM "${name}"."~lineage"`,
  );
  const texts = (rows: Named[], table: string): string[] =>
    rows
      .filter((row) => row.table === table)
      .map((row) => row.text)
      .sort();
  expect(tables.rows.map((row) => row.name).sort()).toEqual(entities.map((entity) => entity.table).sort());
  for (const entity of entities) {
    const own = columns.rows.filter((row) => row.table === entity.table);
    const ownIndexes = indexes.rows.filter((row) => row.table === entity.table);
    const actual = {
      comment: tables.rows.find((row) => row.name === entity.table)?.comment ?? "",
      columns: Object.fromEntries(
        own
          .filter((row) => !row.hidden)
          .map(({ name, type, nullable, comment }) => [name, { type, nullable, comment }]),
      ),
      hidden: own
        .filter((row) => row.hidden)
        .map((row) => row.name)
        .sort(),
      key: ownIndexes.find((row) => row.primary)?.text,
      uniques: ownIndexes
        .filter((row) => row.unique && !row.primary)
        .map((row) => row.text)
        .sort(),
      foreignKeys: texts(keys.rows, entity.table),
      lineage: texts(lineage.rows, entity.table),
    };
    expect(told({ [entity.table]: actual })).toEqual(told({ [entity.table]: wanted(model, entity) }));
    expectIndexes(entity, ownIndexes);
  }
}

/** Declared indexes are there under the peer's names, and every foreign key's columns begin some index. */
function expectIndexes(entity: Entity, rows: readonly IndexRow[]): void {
  const there = rows.map((row) => row.text);
  for (const { name, text } of rows.filter((row) => !row.primary && !row.text.startsWith("_"))) {
    const whole = `idx_${entity.table}_${text.split(", ").join("_")}`;
    const usual = `idx_${entity.table}_${text.split(", ").join("_").slice(0, 30)}`.slice(0, 63);
    // Long lists of columns may be cut to one name; then one has had it, the others a digest.
    if (name !== usual)
      expect([whole === usual, name]).toEqual([false, expect.stringMatching(/^idx_.*_[0-9a-f]{8,31}$/)]);
  }
  for (const set of entity.indexes) expect(there).toContain(set.columns.join(", "));
  for (const reference of entity.references) {
    const columns = reference.columns.map((pair) => pair.column).join(", ");
    expect(there.some((index) => `${index}, `.startsWith(`${columns}, `))).toBe(true);
  }
}

async function expectDefaults(db: Queryable, model: Model): Promise<void> {
  for (const entity of model.entities) {
    const { rows } = await db.query<{ name: string; expression: string }>(
      `SELECT a.attname AS name, pg_get_expr(d.adbin, d.adrelid) AS expression FROM pg_attrdef d
       JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.adrelid = $1::regclass AND a.attgenerated = ''`,
      [`"${entity.schema}"."${entity.table}"`],
    );
    const declared = entity.columns.filter((column) => column.origin === "attribute");
    expect(
      rows.map((row) => row.name).filter((name) => !declared.some((column) => column.name === name)),
    ).toEqual([]);
    for (const column of declared) {
      const expression = rows.find((row) => row.name === column.name)?.expression ?? "NULL";
      const type =
        column.type.enum === undefined ? column.type.sql : `"${entity.schema}"."${column.type.sql}"`;
      const same = await db.query<{ same: boolean }>(
        column.default?.startsWith("CURRENT_TIMESTAMP") === true
          ? `SELECT '${expression}' = '${column.default}' AS same`
          : `SELECT (${expression})::${type} IS NOT DISTINCT FROM $1::${type} AS same`,
        column.default?.startsWith("CURRENT_TIMESTAMP") === true ? [] : [column.default ?? null],
      );
      expect([column.name, expression, same.rows[0]?.same]).toEqual([column.name, expression, true]);
    }
  }
}

/** `start` on a laboratory that DataJoint wrote, with the schema file that introspect makes: every value is served, and nothing is changed. */

import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { Column, Entity, Model } from "../../src/model/model.ts";
import { graphql, holdfast, type RunningService, startHoldfast } from "../acceptance/support/process.ts";
import { freshDatabase } from "../support/database.ts";
import { model } from "../support/sdl.ts";

// Each step is a process of its own.
vi.setConfig({ testTimeout: 90_000 });

const fixture = join(import.meta.dirname, "../fixtures/datajoint");
const schemas = ["djf_lab", "djf_types", "djf_blobs", "djf_objects"];
const folder = mkdtempSync(join(tmpdir(), "holdfast-read-only-"));
const file = join(folder, "schema.graphql");
const stores = JSON.stringify({
  default: "main",
  filepath_default: "main",
  main: { protocol: "file", location: join(folder, "store/main") },
  cold: {
    protocol: "file",
    location: join(folder, "store/cold"),
    hash_prefix: "blobs",
    schema_prefix: "arrays",
    filepath_prefix: "raw",
    subfolding: [2, 2],
    partition_pattern: "{subject}/{session_date}",
    token_length: 12,
  },
});

// biome-ignore lint/suspicious/noExplicitAny: neutral values and answers of every kind
type Any = any;
const expected: { schemas: Record<string, Record<string, { rows: { values: Record<string, Any> }[] }>> } =
  JSON.parse(readFileSync(join(fixture, "expected.json"), "utf8"));

let url = "";
let before = "";
let described: Model;
let service: RunningService | undefined;
const env = (): Record<string, string> => ({ DATABASE_URL: url, DJ_STORES: stores });

async function query<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

/** Everything that the schemas have: relations, columns, constraints, indexes, triggers, comments, rights, and every row. */
async function stateOfSchemas(): Promise<string> {
  const parts = await query<{ text: string }>(
    `SELECT c.oid::regclass::text || c.relkind::text || coalesce(c.relacl::text, '') || coalesce(obj_description(c.oid), '') AS text FROM pg_class c WHERE relnamespace::regnamespace::text = ANY ($1)
     UNION ALL SELECT attrelid::regclass::text || attname || atttypid::regtype::text || attnotnull::text || coalesce(col_description(attrelid, attnum), '') FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace::regnamespace::text = ANY ($1)
     UNION ALL SELECT conrelid::regclass::text || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace::regnamespace::text = ANY ($1)
     UNION ALL SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace::regnamespace::text = ANY ($1)
     UNION ALL SELECT pg_get_triggerdef(t.oid) FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE NOT tgisinternal AND relnamespace::regnamespace::text = ANY ($1)
     UNION ALL SELECT proname FROM pg_proc WHERE pronamespace::regnamespace::text = ANY ($1)
     ORDER BY 1`,
    [schemas],
  );
  const tables = await query<{ name: string }>(
    "SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text = ANY ($1) ORDER BY 1",
    [schemas],
  );
  const rows: unknown[] = [];
  for (const { name } of tables) rows.push(name, await query(`SELECT t::text FROM ${name} t ORDER BY 1`));
  return JSON.stringify([parts, rows]);
}

beforeAll(async () => {
  url = await freshDatabase();
  await query(readFileSync(join(fixture, "dump.sql"), "utf8"));
  cpSync(join(fixture, "store"), join(folder, "store"), { recursive: true });
  before = await stateOfSchemas();
  const args = schemas.flatMap((name) => ["--schema", name]);
  expect(holdfast(["introspect", ...args, "--out", file], { cwd: folder, env: env() }).code).toBe(0);
  described = model(readFileSync(file, "utf8"));
  service = await startHoldfast(["--port", "0", "--no-watch"], { cwd: folder, env: env() });
}, 90_000);
afterAll(async () => {
  await service?.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

/** Where a column is read: its scalar, or through the reference that has its name. */
function pathOf(entity: Entity, column: Column): readonly string[] {
  if (column.exposed) return [column.field];
  const reference = entity.references.find(({ columns }) =>
    columns.some((pair) => pair.column === column.name),
  );
  const pair = reference?.columns.find((one) => one.column === column.name);
  const target = described.entity.get(reference?.target ?? "");
  const next = target?.columns.find(({ name }) => name === pair?.target);
  if (reference === undefined || target === undefined || next === undefined) throw new Error(column.name);
  return [reference.field, ...pathOf(target, next)];
}

/** A value as the fixture tells it. */
function neutral(column: Column, value: Any): string {
  if (value === null || value === undefined) return "null";
  if (column.type.enum !== undefined)
    return described.enum.get(column.type.enum)?.values.find(({ name }) => name === value)?.stored ?? "";
  if (column.type.graphql === "DateTime")
    return String(value)
      .replace("Z", "")
      .replace(/\.?0*$/, (zeros) => (zeros.startsWith(".") ? "" : zeros));
  if (column.type.graphql === "JSON") return JSON.stringify(value);
  if (column.type.graphql === "Bytes") return Buffer.from(value, "base64").toString("hex");
  return typeof value === "number" || column.type.graphql.startsWith("Float")
    ? String(Number(value))
    : String(value);
}

function theirs(value: Any): string {
  if (value.t === "null") return "null";
  if (value.t === "bytes") return value.hex;
  if (value.t === "json") return JSON.stringify(value.v);
  if (value.t === "float") return String(Buffer.from(value.bits, "hex").readDoubleBE());
  return value.t === "datetime" ? String(value.v).replace(/(\.\d*?)0+$/, "$1") : String(value.v);
}

const sorted = (value: Any): string =>
  JSON.stringify(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));

describe("a pipeline that nobody has adopted", () => {
  it("is ready, and says that it is only read", async () => {
    expect(service?.log()).toContain("The service only reads: its tables were made by others");
    const ready = await fetch(`${service?.url}/readyz`);
    expect({ status: ready.status, body: await ready.json() }).toMatchObject({ status: 200 });
  });

  it.each(schemas)("serves every plain value of %s", async (schema) => {
    for (const [table, { rows }] of Object.entries(expected.schemas[schema] ?? {})) {
      const entity = described.entities.find((one) => one.schema === schema && one.table === table);
      if (entity === undefined) throw new Error(table);
      const columns = entity.columns.filter(
        ({ type, name }) => type.codec === undefined && !name.startsWith("_"),
      );
      const selection = columns.map((column) =>
        pathOf(entity, column).reduceRight(
          (inner, name) => `${name} ${inner === "" ? "" : `{ ${inner} }`}`,
          "",
        ),
      );
      const { data, errors } = await graphql<Any>(
        service?.url ?? "",
        `{ ${entity.plural}(first: 1000) { nodes { ${selection.join(" ")} } } }`,
      );
      expect(errors).toBeUndefined();
      const found = data[entity.plural].nodes.map((node: Any) =>
        sorted(
          Object.fromEntries(
            columns.map((column) => [
              column.name,
              neutral(
                column,
                pathOf(entity, column).reduce((at, name) => at?.[name], node),
              ),
            ]),
          ),
        ),
      );
      const wanted = rows.map(({ values }) =>
        sorted(Object.fromEntries(columns.map(({ name }) => [name, theirs(values[name])]))),
      );
      expect(found.toSorted()).toEqual(wanted.toSorted());
    }
  });

  it("serves every blob in its lossless form, and the bytes of files", async () => {
    const seen = { blobs: 0, files: 0 };
    const { data } = await graphql<Any>(
      service?.url ?? "",
      `{ inlines(first: 1000) { nodes { name value { tagged } } } storeds(first: 100) { nodes { name main { tagged } cold { tagged } } }
         items(first: 100) { nodes { subject k at0 { name digest } at1 { name digest } at2 { name digest } h1 { digest } h2 { digest } n1 { dtype shape } n2 { dtype shape } } } }`,
    );
    const told = JSON.parse(JSON.stringify(data), (_, item: Any) => {
      if (typeof item?.hex !== "string" || !(item.size > 2048)) return item;
      const { hex, ...rest } = item;
      return {
        ...rest,
        sha256: createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex"),
        head: hex.slice(0, 128),
      };
    });
    for (const [table, list, columns] of [
      ["inline", "inlines", ["value"]],
      ["stored", "storeds", ["main", "cold"]],
    ] as const) {
      for (const { values } of expected.schemas["djf_blobs"]?.[table]?.rows ?? []) {
        const node = told[list].nodes.find((one: Any) => one.name === values["name"].v);
        for (const column of columns) expect(node[column]?.tagged ?? { t: "null" }).toEqual(values[column]);
        seen.blobs += columns.length;
      }
    }
    for (const { values } of expected.schemas["djf_objects"]?.["item"]?.rows ?? []) {
      const at = String(values["k"].v).replace(/(\.\d*?)0+$/, "$1");
      const node = told.items.nodes.find(
        (one: Any) => one.subject === values["subject"].v && one.k === `${at}Z`,
      );
      for (const column of ["at0", "at1", "at2", "h1", "h2"]) {
        const content = values[column].content ?? values[column];
        if (values[column].t === "null") continue;
        const digest =
          content.sha256 ?? createHash("sha256").update(Buffer.from(content.hex, "hex")).digest("hex");
        expect([column, node[column].digest, node[column].name ?? undefined]).toEqual([
          column,
          `sha256:${digest}`,
          values[column].filename,
        ]);
        seen.files += 1;
      }
      for (const column of ["n1", "n2"])
        if (values[column].t !== "null")
          expect(node[column]).toEqual({
            dtype: values[column].meta_dtype,
            shape: values[column].meta_shape,
          });
    }
    expect(seen.blobs).toBeGreaterThan(100);
    expect(seen.files).toBeGreaterThan(8);
  });

  it("refuses mutations, and has changed nothing in the schemas", async () => {
    const refused = await graphql(
      service?.url ?? "",
      "mutation { createFeed(input: {feed: 9, v: 1}) { feed { feed } } }",
    );
    expect(refused.errors?.[0]?.extensions).toMatchObject({ code: "FORBIDDEN" });
    expect(refused.errors?.[0]?.message).toContain("The service only reads");
    const offered = await graphql(
      `${service?.url}/system`,
      'mutation { createUpload(input: {target: {type: "Inline", field: "value"}, filename: "a.bin"}) { id } }',
    );
    expect(offered.errors?.[0]?.extensions).toMatchObject({ code: "FORBIDDEN" });
    expect(await stateOfSchemas()).toBe(before);
  });

  it("is written to when it has been applied to", async () => {
    expect(holdfast(["apply"], { cwd: folder, env: env() }).code).toBe(0);
    const made = await graphql(
      service?.url ?? "",
      "mutation { createFeed(input: {feed: 9, v: 1}) { feed { feed } } }",
    );
    expect(made).toMatchObject({ status: 200, data: { createFeed: { feed: { feed: 9 } } } });
    expect(holdfast(["plan"], { cwd: folder, env: env() })).toMatchObject({ code: 0 });
  });

  it("is not started to be read only and applied to at once", () => {
    const ended = holdfast(["start", "--read-only", "--apply"], { cwd: folder, env: env() });
    expect({ code: ended.code, told: ended.err.includes("--read-only and --apply exclude") }).toEqual({
      code: 2,
      told: true,
    });
  });
});

/** Random rows for a model: made and sent by the property suite's generators, then brought nearer to each other, so that values tie. */

import type { Column, Entity } from "../../src/model/model.ts";
import type { CodecSource } from "../property/codec-values.ts";
import { Creations } from "../property/inputs.ts";
import type { Random } from "../property/random.ts";
import { capital, keyInput } from "../property/requests.ts";
import { type Row, Rows } from "../property/rows.ts";
import type { Json } from "./json.ts";
import type { Contents } from "./oracle/codecs.ts";
import type { Served, World } from "./world.ts";

/** Fills the tables of a served model; answers what the bytes of its codec values say, by stored text. */
export async function fill(world: World, served: Served, random: Random): Promise<Contents> {
  const rows = new Rows(served.model, random);
  const source = (row: Row, field: string) => uploads(world, served, { row, field });
  for (const entity of rows.entities) {
    const wanted = random.chance(0.04) ? 130 : random.pick([0, 2, 4, 6, 9, 14, 20, 25]);
    for (let tries = 0; tries < wanted * 3 && rows.of(entity.name).length < wanted; tries++)
      await rows.add(entity, source);
  }
  for (const { entity: name, inputs, written } of new Creations(rows, random).all()) {
    const plural = capital(rows.entities.find((one) => one.name === name)?.plural ?? "");
    const query = `mutation ($rows: [Create${name}Input!]!) { create${plural}(rows: $rows) { count } }`;
    await sent(served, query, { rows: inputs });
    // What others refer to must be there: this tells.
    for (const row of written) row.id = "written";
  }
  const contents = await contentsOf(world, rows);
  for (const entity of rows.entities) await bringNearer(world, entity, random);
  return contents;
}

/** Changes and deletes some rows, so that cursors stand for places where no row is any more. */
export async function disturb(world: World, served: Served, random: Random): Promise<void> {
  for (const entity of served.model.entities.filter(({ listOf }) => listOf === undefined)) {
    await bringNearer(world, entity, random);
    const isReferred = served.model.entities.some(({ references }) =>
      references.some(({ target }) => target === entity.name),
    );
    if (isReferred) continue;
    const at = `SELECT ctid FROM ${tableOf(entity)} ORDER BY ctid LIMIT 2 OFFSET ${random.below(20)}`;
    await world.query(`DELETE FROM ${tableOf(entity)} WHERE ctid IN (${at})`);
  }
}

/** Sends what must succeed. */
async function sent(
  served: Served,
  query: string,
  variables: Readonly<Record<string, unknown>>,
): Promise<Json> {
  const answer = await served.ask({ query, variables });
  if (answer !== null && typeof answer === "object" && "data" in answer && !("errors" in answer))
    return answer["data"] ?? null;
  throw new Error(
    `${JSON.stringify(answer).slice(0, 2000)}\n${query}\n${JSON.stringify(variables).slice(0, 2000)}`,
  );
}

function uploads(world: World, served: Served, at: { row: Row; field: string }): CodecSource {
  return {
    ownFiles: world.ownFiles,
    async upload(filename, files) {
      const isTree = !files.has("");
      const target = { type: at.row.entity.name, field: at.field, key: keyInput(at.row) };
      const create = "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id } }";
      const input = { target, filename, kind: isTree ? "TREE" : "FILE" };
      // As selected.
      const made = (await sent(served, create, { input })) as { createUpload: { id: string } };
      const { id } = made.createUpload;
      for (const [path, bytes] of files)
        await world.objects.uploads.receive(id, once(bytes), {
          ...(isTree ? { path } : {}),
          sizeBytes: bytes.length,
        });
      await sent(served, "mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id });
      return id;
    },
  };
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const tableOf = ({ schema, table }: Entity): string => `${quoted(schema)}.${quoted(table)}`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Finds each row that was sent by its key, and keeps what its codec values must say. */
async function contentsOf(world: World, rows: Rows): Promise<Contents> {
  const contents = new Map<string, Readonly<Record<string, unknown>>>();
  const keep = (cell: string | null | undefined, want: unknown): void => {
    if (cell !== null && cell !== undefined && typeof want === "object" && want !== null)
      contents.set(cell, want as Readonly<Record<string, unknown>>); // of codec values
  };
  for (const entity of rows.entities) {
    const codecs = entity.columns.filter(({ type }) => type.codec !== undefined);
    for (const row of codecs.length + entity.lists.length === 0 ? [] : rows.of(entity.name)) {
      const key = new Map(entity.key.map((name) => [name, stored(rows, entity, { name, row })]));
      if (codecs.length > 0) {
        const list = codecs.map(({ name }) => `${quoted(name)}::text AS ${quoted(name)}`).join(", ");
        const where = [...key].map(([name, text]) => `${quoted(name)} = ${text}`).join(" AND ");
        const [cells] = await world.query(`SELECT ${list} FROM ${tableOf(entity)} WHERE ${where}`);
        for (const { name } of codecs) keep(cells?.[name], row.cells.get(name));
      }
      for (const { field, entity: name } of entity.lists) {
        const part = rows.model.entity.get(name);
        const pairs = part?.references.find(({ target }) => target === entity.name)?.columns ?? [];
        const where = pairs
          .map(({ column, target }) => `${quoted(column)} = ${key.get(target)}`)
          .join(" AND ");
        if (part === undefined) continue;
        const cells = await world.query(
          `SELECT value::text FROM ${tableOf(part)} WHERE ${where} ORDER BY ${part.key.map(quoted).join(", ")}`,
        );
        for (const [index, { want }] of (row.lists.get(field) ?? []).entries())
          keep(cells[index]?.["value"], want);
      }
    }
  }
  return contents;
}

/** A key's value as an SQL literal. */
function stored({ model }: Rows, entity: Entity, { name, row }: { name: string; row: Row }): string {
  const value = row.cells.get(name);
  if (typeof value === "symbol") return "NULL";
  const type = entity.columns.find((column) => column.name === name)?.type;
  const names = type?.enum === undefined ? [] : (model.enum.get(type.enum)?.values ?? []);
  return literal(names.find((one) => one.name === value)?.stored ?? String(value));
}

/** Columns whose values can be given to other rows. */
function isFree(entity: Entity, { name, inKey, origin, type }: Column): boolean {
  const isUnique = entity.uniques.some(({ columns }) => columns.includes(name));
  const isReferred = entity.references.some(({ columns }) => columns.some(({ column }) => column === name));
  return !inKey && origin === "attribute" && type.codec === undefined && !isUnique && !isReferred;
}

const notFinite = ["NaN", "NaN", "Infinity", "-Infinity", "-0", "0", "1.5"];
const texts = ["", "a", "A", "ab", "a%b", "a_b", "m7", "M7", "é", "ab ", "µ😀", "\\"];

const documents = [
  '{"a": 9007199254740993, "b": [1.0, 1, "x", null], "": {"": true}}',
  '{"a": {"b": [1, 2.50, "x", null]}, "0": "zero"}',
  '[{"a": 1}, {"a": 1.0}, [1], {"a": "b", "b": null}]',
  '["a", "b", "", null, ["a"]]',
  ...["1e400", "-1.50", '"a"', '"A_b"', "null", "true", "[]", "{}", "[0, 1, 2]"],
];

/** Lets rows share values: copies, nulls, numbers that are not finite, texts that are easily searched. */
async function bringNearer(world: World, entity: Entity, random: Random): Promise<void> {
  const free = entity.columns.filter((column) => isFree(entity, column));
  if (free.length === 0) return;
  const table = tableOf(entity);
  const list = free.map(({ name }) => `${quoted(name)}::text AS ${quoted(name)}`).join(", ");
  const rows = await world.query(`SELECT ctid::text AS "~at", ${list} FROM ${table} ORDER BY ctid`);
  const changes = rows.map((row) => {
    const sets = free.flatMap((column): string[] => {
      if (!random.chance(0.5)) return [];
      const value = newValue(column, random.pick(rows)[column.name] ?? null, random);
      return [`${quoted(column.name)} = ${value === null ? "NULL" : literal(value)}`];
    });
    return { at: row["~at"] ?? "", sets };
  });
  for (const { at, sets } of changes)
    if (sets.length > 0)
      await world.query(`UPDATE ${table} SET ${sets.join(", ")} WHERE ctid = ${literal(at)}::tid`);
}

function newValue(column: Column, other: string | null, random: Random): string | null {
  const { type, nullable } = column;
  if (nullable && random.chance(0.2)) return null;
  if (type.graphql === "JSON" && type.list === undefined && random.chance(0.4)) {
    const document = random.pick(documents);
    // A null is nothing where there must be something.
    return document === "null" && !nullable ? "0" : document;
  }
  if (/^float/.test(type.spec) && random.chance(0.35)) return random.pick(notFinite);
  const size = /^(?:var)?char\((\d+)\)$/.exec(type.spec)?.[1];
  if (size !== undefined && type.enum === undefined && random.chance(0.4))
    return [...random.pick(texts)].slice(0, Number(size)).join("");
  if (/^int/.test(type.spec) && random.chance(0.4)) return String(random.below(4));
  return other;
}

/** The life of one model: rows in, read back in every way, changed, checked against the objects, and deleted. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import type { Entity, Model } from "../../src/model/model.ts";
import { expectAggregates } from "./aggregates.ts";
import type { CodecSource } from "./codec-values.ts";
import { counted, sorted, type TableCount } from "./counts.ts";
import { deleteAll } from "./deletes.ts";
import { Creations } from "./inputs.ts";
import type { Random } from "./random.ts";
import { capital, keyInput, learn, type Node, rowShown, selection, shown, wanted } from "./requests.ts";
import { type Row, Rows, type SourceOf, valuesOf } from "./rows.ts";
import { update } from "./updates.ts";
import { upsert } from "./upserts.ts";
import type { Service, World } from "./world.ts";

/** Everything that happens to one model's rows. */
export async function live(world: World, service: Service, random: Random): Promise<Rows> {
  const { model } = service;
  const rows = new Rows(model, random);
  const source: SourceOf = (row, field) => uploadsFor(world, service, { row, field, random });
  await rows.fill(source);
  await create(world, service, { rows, random });
  await expectRows(service, rows, random);
  await expectAggregates(service, random);
  await update(service, rows, random, source);
  await upsert(service, rows, random, source);
  await expectRows(service, rows, random);
  await expectObjects(world, model);
  const kept = new Set(await world.files(model));
  await deleteAll(service, rows, random);
  await expectNothing(world, service);
  const left = new Set(await world.files(model));
  expect([...kept].filter((file) => !left.has(file))).toEqual([]);
  return rows;
}

interface Field {
  readonly row: Row;
  readonly field: string;
  readonly random: Random;
}

/** Uploads through the API, as a client makes them; the bytes go where a PUT to the upload's URL puts them. */
function uploadsFor(world: World, service: Service, { row, field, random }: Field): CodecSource {
  return {
    ownFiles: world.ownFiles,
    async upload(filename, files) {
      const isTree = !files.has("");
      world.tally.add("upload");
      const target = { type: row.entity.name, field, ...(random.chance(0.5) ? { key: keyInput(row) } : {}) };
      const made = await service.data(
        "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id } }",
        {
          input: { target, filename, kind: isTree ? "TREE" : "FILE" },
        },
      );
      // As selected.
      const { id } = made["createUpload"] as { id: string };
      for (const [path, bytes] of files)
        await world.objects.uploads.receive(id, chunks(bytes), {
          ...(isTree ? { path } : {}),
          sizeBytes: bytes.length,
        });
      await service.data("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id });
      return id;
    },
  };
}

async function* chunks(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes.subarray(0, bytes.length / 2);
  yield bytes.subarray(bytes.length / 2);
}

async function create(
  world: World,
  service: Service,
  { rows, random }: { rows: Rows; random: Random },
): Promise<void> {
  const { model } = service;
  for (const creation of new Creations(rows, random).all()) {
    world.tally.addCreation(rows, creation);
    const { entity: name, inputs, written } = creation;
    const entity = rows.entities.find((one) => one.name === name);
    if (entity === undefined) throw new Error(`There is no ${name}.`);
    const [only] = inputs;
    const affected = "affected { table count }";
    const isOne = inputs.length === 1 && random.chance(0.7);
    const answer = isOne
      ? await service.data(
          `mutation ($input: Create${name}Input!) { done: create${name}(input: $input) { rows: ${entity.singular} { id } ${affected} } }`,
          { input: only },
        )
      : await service.data(
          `mutation ($rows: [Create${name}Input!]!) { done: create${capital(entity.plural)}(rows: $rows) { rows: ${entity.plural} { id } count skipped ${affected} } }`,
          { rows: inputs },
        );
    // As selected.
    const done = answer["done"] as {
      rows: unknown;
      count?: number;
      skipped?: number;
      affected: TableCount[];
    };
    expect(sorted(done.affected)).toEqual(counted(model, written));
    if (!isOne) expect([done.count, done.skipped]).toEqual([inputs.length, 0]);
    expect([done.rows].flat().length).toBe(inputs.length);
    for (const row of written) row.id = "written";
  }
}

/** Reads everything back: as lists in pages from both ends, by key, by unique, by id. */
async function expectRows(service: Service, rows: Rows, random: Random): Promise<void> {
  const listed = new Map<Entity, readonly Node[]>();
  for (const entity of rows.entities) {
    const nodes = await pages(service, entity, random);
    listed.set(entity, nodes);
    for (const node of nodes) {
      const row = rowShown(rows, entity, node);
      if (row !== undefined) learn(service.model, row, node);
    }
  }
  for (const [entity, nodes] of listed) {
    expect(byId(nodes.map((node) => shown(service.model, entity, node)))).toEqual(
      byId(rows.of(entity.name).map((row) => wanted(rows, row))),
    );
    if (random.chance(0.5)) await expectSingles(service, rows, { entity, random });
  }
}

function byId(nodes: readonly Node[]): readonly Node[] {
  return [...nodes].sort((a, b) => (String(a["id"]) < String(b["id"]) ? -1 : 1));
}

interface Connection {
  readonly totalCount: number;
  readonly nodes: readonly Node[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly endCursor: string;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string;
  };
}

async function pages(service: Service, entity: Entity, random: Random): Promise<readonly Node[]> {
  const isBackward = random.chance(0.3);
  const args = isBackward ? "last: $size, before: $cursor" : "first: $size, after: $cursor";
  const query = `query ($size: Int!, $cursor: String) {
  list: ${entity.plural}(${args}) { totalCount pageInfo { hasNextPage endCursor hasPreviousPage startCursor } nodes {
    ${selection(service.model, entity)}
  } }
}`;
  const size = 2 + random.below(8);
  const found: Node[] = [];
  for (let cursor: string | null = null; ; ) {
    // As selected.
    const { list } = (await service.data(query, { size, cursor })) as unknown as { list: Connection };
    found.push(...list.nodes);
    const { pageInfo } = list;
    cursor = isBackward ? pageInfo.startCursor : pageInfo.endCursor;
    if (isBackward ? pageInfo.hasPreviousPage : pageInfo.hasNextPage) continue;
    expect([entity.name, found.length]).toEqual([entity.name, list.totalCount]);
    return found;
  }
}

/** A few rows by key, by every unique, and by id, in one request. */
async function expectSingles(
  service: Service,
  rows: Rows,
  { entity, random }: { entity: Entity; random: Random },
): Promise<void> {
  const [row] = random.shuffled(rows.of(entity.name));
  if (row === undefined) return;
  const fields: string[] = ["byId: node(id: $id) { ...fields }", "byIds: nodes(ids: $ids) { id }"];
  const ids = random.shuffled(rows.of(entity.name)).map(({ id }) => id);
  const variables: Record<string, unknown> = { id: row.id, ids: [...ids, "nobody", row.id] };
  const types = ["$id: ID!", "$ids: [ID!]!"];
  const find = (alias: string, name: string, columns: readonly string[]): void => {
    const args = columns.map((column, index) => {
      const { field, type } = entity.columns.find((one) => one.name === column) ?? {};
      types.push(`$${alias}${index}: ${type?.graphql}!`);
      variables[`${alias}${index}`] = row.cells.get(column);
      return `${field}: $${alias}${index}`;
    });
    fields.push(`${alias}: ${name}(${args.join(", ")}) { ...fields }`);
  };
  find("byKey", entity.singular, entity.key);
  for (const [index, unique] of entity.uniques.entries()) {
    const name = `${entity.singular}By${[...new Set(unique.fields)].map(capital).join("And")}`;
    if (valuesOf(row, unique.columns) !== undefined) find(`by${index}_`, name, unique.columns);
  }
  const fragment = `fragment fields on ${entity.name} {\n    ${selection(service.model, entity)}\n}`;
  const answer = await service.data(
    `query (${types.join(", ")}) { ${fields.join("\n  ")} }\n${fragment}`,
    variables,
  );
  const { byIds, ...single } = answer;
  expect(byIds).toEqual([...ids.map((id) => ({ id })), null, { id: row.id }]);
  for (const [alias, node] of Object.entries(single)) {
    // Selected as an object.
    const found = node === null ? null : shown(service.model, entity, node as Node);
    expect([alias, found]).toEqual([alias, wanted(rows, row)]);
  }
}

/** I1 and I3: a row's value has a hold, the hold an object, and the object its bytes. */
async function expectObjects(world: World, model: Model): Promise<void> {
  for (const entity of model.entities) {
    for (const column of entity.columns) {
      const { codec } = column.type;
      if (codec?.store === undefined || codec.external === true) continue;
      const locator = `coalesce(nullif(t."${column.name}"->>'store', ''), 'main') || ':' || (t."${column.name}"->>'path')`;
      const { rows } = await world.db.query<{ locator: string }>(
        `SELECT ${locator} AS locator FROM "${entity.schema}"."${entity.table}" t
         LEFT JOIN "${entity.schema}"."~object" h ON h.locator = ${locator}
         LEFT JOIN holdfast.object o ON o.locator = h.locator AND o.verified_at IS NOT NULL AND o.condemned_at IS NULL
         WHERE t."${column.name}" IS NOT NULL AND (h.locator IS NULL OR o.locator IS NULL
           OR t."_${column.name}_ref" IS DISTINCT FROM ${locator} OR o.size IS DISTINCT FROM (t."${column.name}"->>'size')::int8)`,
      );
      expect([entity.table, column.name, rows]).toEqual([entity.table, column.name, []]);
    }
  }
  const files = await world.files(model);
  for (const schema of new Set(model.entities.map((entity) => entity.schema)))
    await expectBytes(world, schema, files);
}

async function expectBytes(world: World, schema: string, files: readonly string[]): Promise<void> {
  const exists = await world.db.query(
    `SELECT 1 FROM pg_class WHERE relnamespace = $1::regnamespace AND relname = '~object'`,
    [schema],
  );
  if (exists.rows.length === 0) return;
  const { rows } = await world.db.query<{
    locator: string;
    tree: boolean;
    size: string;
    sha256: string | null;
  }>(
    `SELECT o.locator, o.tree, o.size::text AS size, encode(o.sha256, 'hex') AS sha256
     FROM "${schema}"."~object" h JOIN holdfast.object o USING (locator) ORDER BY 1`,
  );
  for (const { locator, tree, size, sha256 } of rows) {
    const path = locator.replace(":", "/");
    const own = tree ? files.filter((file) => file.startsWith(`${path}/`)) : [path];
    const bytes = await Promise.all(own.map((file) => readFile(join(world.folder, file))));
    expect([locator, String(bytes.reduce((sum, one) => sum + one.length, 0))]).toEqual([locator, size]);
    if (!tree)
      expect([
        locator,
        createHash("sha256")
          .update(bytes[0] ?? "")
          .digest("hex"),
      ]).toEqual([locator, sha256]);
  }
}

async function expectNothing(world: World, service: Service): Promise<void> {
  const { entities } = service.model;
  const counts = entities.map(
    ({ schema, table }) => `SELECT '${table}' AS name, count(*)::int AS count FROM "${schema}"."${table}"`,
  );
  const { rows } = await world.db.query<{ name: string; count: number }>(counts.join(" UNION ALL "));
  expect(rows.filter(({ count }) => count > 0)).toEqual([]);
  const lists = entities.filter(({ listOf }) => listOf === undefined);
  const answer = await service.data(
    `{ ${lists.map(({ plural }) => `${plural} { totalCount nodes { id } }`).join(" ")} }`,
  );
  expect(answer).toEqual(
    Object.fromEntries(lists.map(({ plural }) => [plural, { totalCount: 0, nodes: [] }])),
  );
}

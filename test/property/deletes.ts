/** Deletes, with an oracle for what goes with a row. */

import { expect } from "vitest";
import { counted, sorted, type TableCount } from "./counts.ts";
import { keyWhere } from "./filters.ts";
import type { Random } from "./random.ts";
import { capital, keyInput, type Node, selection, shown, wanted } from "./requests.ts";
import type { Row, Rows } from "./rows.ts";
import type { Service } from "./world.ts";

/** Everything that goes when some rows do: its parts, what refers to any of it, and the masters of parts that go. */
function closure(rows: Rows, ...starts: readonly Row[]): Set<Row> {
  const found = new Set(starts);
  for (const row of found) {
    for (const entity of rows.entities)
      for (const { field, target } of entity.references)
        if (target === row.entity.name)
          for (const one of rows.referrers(row, entity.name, field)) found.add(one);
    const master = starts.includes(row) ? undefined : row.entity.partOf;
    const up = row.entity.references.find(({ target, inKey }) => inKey && target === master);
    const above = up === undefined ? undefined : rows.target(row, up);
    if (above !== undefined) found.add(above);
  }
  return found;
}

/** The row and its parts alone. */
function withParts(rows: Rows, start: Row): Set<Row> {
  const parts = rows.entities.filter(({ partOf }) => partOf === start.entity.name);
  const own = parts.flatMap((part) =>
    part.references
      .filter(({ target, inKey }) => inKey && target === start.entity.name)
      .flatMap(({ field }) => rows.referrers(start, part.name, field)),
  );
  return new Set([start, ...own]);
}

/** Deletes rows until none is left. */
export async function deleteAll(service: Service, rows: Rows, random: Random): Promise<void> {
  for (const row of random.shuffled(rows.all()).slice(0, 2))
    if (rows.all().includes(row)) await deleteAlone(service, rows, row);
  while (rows.all().length > 0) {
    await deleteFound(service, rows, { random, isDry: true });
    if (random.chance(0.3)) await deleteFound(service, rows, { random, isDry: false });
    if (rows.all().length > 0) await deleteSome(service, rows, random);
  }
}

/** Up to three rows of one table, found by a filter; what a dry run counts is what a run would. */
async function deleteFound(
  service: Service,
  rows: Rows,
  { random, isDry }: { random: Random; isDry: boolean },
): Promise<void> {
  if (rows.all().length === 0) return;
  const { entity } = random.pick(rows.all());
  const chosen = random.shuffled(rows.of(entity.name)).slice(0, 1 + random.below(3));
  const { name, plural } = entity;
  const where = { or: chosen.map((row) => keyWhere(rows.model, row)) };
  const query = `mutation ($where: ${name}Filter!, $dry: Boolean!) {
  done: delete${capital(plural)}(where: $where, atMost: 3, cascade: true, dryRun: $dry) { rows: ${plural} { id } count affected { table count } }
}`;
  // As selected.
  const done = (await service.data(query, { where, dry: isDry }))["done"] as Found;
  const gone = closure(rows, ...chosen);
  expect([done.count, sorted(done.affected)]).toEqual([chosen.length, counted(rows.model, gone)]);
  expect(done.rows.map(({ id }) => id).sort()).toEqual(chosen.map(({ id }) => id).sort());
  if (!isDry) rows.remove(gone);
}

interface Found {
  readonly rows: readonly { readonly id: string }[];
  readonly count: number;
  readonly affected: readonly TableCount[];
}

/** Without `cascade` only parts go with a row. */
async function deleteAlone(service: Service, rows: Rows, row: Row): Promise<void> {
  const { name } = row.entity;
  const parts = withParts(rows, row);
  const query = `mutation ($key: ${name}Key!) { done: delete${name}(key: $key) { affected { table count } } }`;
  const answer = await service.ask(query, { key: keyInput(row) });
  if (closure(rows, row).size > parts.size) {
    expect(answer.errors?.map(({ extensions }) => extensions?.["code"])).toEqual(["CONSTRAINT_VIOLATION"]);
    return;
  }
  // As selected.
  const done = answer.data?.["done"] as { affected: TableCount[] } | undefined;
  expect([answer.errors, done && sorted(done.affected)]).toEqual([undefined, counted(rows.model, parts)]);
  rows.remove(parts);
}

/** Several deletes in one request: each sees what those before it did. */
async function deleteSome(service: Service, rows: Rows, random: Random): Promise<void> {
  const fields: string[] = [];
  const types: string[] = [];
  const variables: Record<string, unknown> = {};
  const expected: Record<string, unknown> = {};
  const entities: Row["entity"][] = [];
  for (const alias of ["d0", "d1", "d2", "d3", "d4", "d5", "d6", "d7"]) {
    const all = rows.all();
    if (all.length === 0) break;
    const row = random.pick(all);
    const { entity } = row;
    const gone = closure(rows, row);
    // What a row shows in full is asked of one row a request; of the others their ids.
    const isFull = alias === "d0";
    fields.push(
      `${alias}: delete${entity.name}(key: $${alias}, cascade: true) { row: ${entity.singular} { ${isFull ? selection(rows.model, entity) : "id"} } affected { table count } }`,
    );
    types.push(`$${alias}: ${entity.name}Key!`);
    variables[alias] = keyInput(row);
    expected[alias] = {
      row: isFull ? wanted(rows, row) : { id: row.id },
      affected: counted(rows.model, gone),
    };
    entities.push(entity);
    rows.remove(gone);
  }
  const answer = await service.data(`mutation (${types.join(", ")}) {\n${fields.join("\n")}\n}`, variables);
  const got = Object.entries(answer).map(([alias, one], at) => {
    // As selected.
    const { row, affected } = one as { row: Node; affected: TableCount[] };
    const entity = entities[at];
    const isFull = alias === "d0" && entity !== undefined;
    return [alias, { row: isFull ? shown(rows.model, entity, row) : row, affected: sorted(affected) }];
  });
  expect(Object.fromEntries(got)).toEqual(expected);
}

/** Rows sent again, together with new ones: skipped, or updated by what is given. */

import { expect } from "vitest";
import { codecValue } from "./codec-values.ts";
import { counted, sorted, type TableCount } from "./counts.ts";
import { Creations } from "./inputs.ts";
import type { Random } from "./random.ts";
import { capital, keyInput, type Node } from "./requests.ts";
import { attributes, type Row, type Rows, type SourceOf, withStore } from "./rows.ts";
import { present } from "./scalar-values.ts";
import type { Service } from "./world.ts";

/** Sends some rows of some tables again, by both rules. */
export async function upsert(service: Service, rows: Rows, random: Random, source: SourceOf): Promise<void> {
  for (const entity of random.shuffled(rows.entities).slice(0, 2)) {
    for (const rule of ["SKIP", "UPDATE"] as const) {
      const known = random.shuffled(rows.of(entity.name)).slice(0, 3);
      const changes: Change[] = [];
      for (const row of known)
        changes.push(await change(rows, { row, random, source, keep: rule === "SKIP" }));
      const fresh = await rows.add(entity, source);
      const inputs = changes.map(({ input }) => input);
      if (fresh !== undefined) inputs.push(new Creations(rows, random).one(fresh));
      const { plural, name } = entity;
      const before = await versionsOf(service, plural);
      const sent = random.shuffled(inputs);
      const answer = await service.data(
        `mutation ($rows: [Create${name}Input!]!) { done: create${capital(plural)}(rows: $rows, onConflict: ${rule}) { rows: ${plural} { id rowVersion } count skipped affected { table count } } }`,
        { rows: sent },
      );
      // As selected.
      const done = answer["done"] as { rows: Node[]; count: number; skipped: number; affected: TableCount[] };
      const written = rule === "SKIP" ? inputs.length - known.length : inputs.length;
      expect([done.rows.length, done.count, done.skipped]).toEqual([
        written,
        written,
        inputs.length - written,
      ]);
      // Under UPDATE a row that has all the given values already is left as it is.
      const isWritten = ({ input }: Change) => {
        const node = done.rows[sent.indexOf(input)];
        return before.get(node?.["id"]) !== node?.["rowVersion"];
      };
      const echoes = rule === "SKIP" ? [] : changes.filter(isWritten);
      expect(sorted(done.affected)).toEqual(
        counted(rows.model, [
          ...echoes.map(({ written: one }) => one),
          ...(fresh === undefined ? [] : [fresh]),
        ]),
      );
    }
  }
}

async function versionsOf(service: Service, plural: string): Promise<ReadonlyMap<unknown, unknown>> {
  const answer = await service.data(`{ all: ${plural}(first: 1000) { nodes { id rowVersion } } }`, {});
  // As selected.
  const { nodes } = answer["all"] as { nodes: Node[] };
  return new Map(nodes.map((node) => [node["id"], node["rowVersion"]]));
}

interface Change {
  readonly input: Node;
  /** The row with the lists that were given. */
  readonly written: Row;
}

/** Sends rows again, alone: `upsertX` answers them whether or not anything changed. */
export async function upsertAlone(
  service: Service,
  rows: Rows,
  random: Random,
  source: SourceOf,
): Promise<void> {
  for (const entity of random.shuffled(rows.entities).slice(0, 3)) {
    const [row] = random.shuffled(rows.of(entity.name));
    if (row === undefined) continue;
    const { name, singular } = entity;
    const query = `mutation ($input: Create${name}Input!) { done: upsert${name}(input: $input) { row: ${singular} { id rowVersion } affected { count } } }`;
    const { input } = await change(rows, { row, random, source, keep: false });
    // As selected.
    const done = (await service.data(query, { input }))["done"] as Upserted;
    expect(done.row.id).toBe(row.id);
    const isWritten = done.affected.length > 0;
    expect(done.row.rowVersion === row.version).toBe(!isWritten);
    row.version = done.row.rowVersion;
  }
}

interface Upserted {
  readonly row: { readonly id: string; readonly rowVersion: string };
  readonly affected: readonly { readonly count: number }[];
}

/** A whole input for a row that is there, some of it new; the row takes it over, unless told to keep what it has. */
async function change(
  rows: Rows,
  how: { row: Row; random: Random; source: SourceOf; keep: boolean },
): Promise<Change> {
  const { random, source, keep } = how;
  const row: Row = keep
    ? { ...how.row, cells: new Map(how.row.cells), lists: new Map(how.row.lists) }
    : how.row;
  const input: Record<string, unknown> = {};
  for (const column of attributes(row.entity)) {
    const { name, field, type } = column;
    const isRequired = !column.nullable && column.default === undefined;
    if (!isRequired && !random.chance(0.4)) continue;
    // A value of a unique stays: whether another row may take it in the same request is a question of order.
    if (column.inKey || row.entity.uniques.some(({ columns }) => columns.includes(name))) {
      if (row.cells.get(name) !== present) input[field] = row.cells.get(name);
      continue;
    }
    const given =
      type.codec === undefined
        ? rows.value(row.entity, column)
        : await codecValue(random, type.codec, source(row, field));
    const { want } = given;
    row.cells.set(name, type.codec === undefined ? want : withStore(want, type.codec.name, type.codec.store));
    input[field] = given.input;
  }
  for (const reference of row.entity.references) {
    const target = rows.target(row, reference);
    if (target !== undefined && (!reference.nullable || random.chance(0.5)))
      input[reference.field] = { key: keyInput(target) };
  }
  const lists: Row["lists"] = new Map();
  for (const { field } of row.entity.lists) {
    if (random.chance(0.5)) continue;
    const elements = await rows.elements(row, field, source);
    row.lists.set(field, elements);
    lists.set(field, elements);
    input[field] = elements.map((one) => one.input);
  }
  return { input, written: { ...row, lists } };
}

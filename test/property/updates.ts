/** Random changes of a few rows by their patches. */

import { expect } from "vitest";
import type { Entity } from "../../src/model/model.ts";
import { codecValue } from "./codec-values.ts";
import type { Random } from "./random.ts";
import { keyInput, type Node } from "./requests.ts";
import { attributes, type Row, type Rows, type SourceOf, setReference, withStore } from "./rows.ts";
import { defaultValue } from "./scalar-values.ts";
import type { Service } from "./world.ts";

/** Changes some rows of every table that has anything to change. */
export async function update(service: Service, rows: Rows, random: Random, source: SourceOf): Promise<void> {
  for (const entity of rows.entities) {
    if (!isUpdatable(entity)) {
      expect(service.sdl).not.toContain(`update${entity.name}(`);
      continue;
    }
    const chosen = random.shuffled(rows.of(entity.name)).slice(0, 1 + random.below(2));
    for (const row of chosen) await updateOne(service, rows, { row, random, source });
  }
}

function isUpdatable(entity: Entity): boolean {
  return attributes(entity).some(({ inKey }) => !inKey) || entity.references.some(({ inKey }) => !inKey);
}

async function updateOne(
  service: Service,
  rows: Rows,
  { row, random, source }: { row: Row; random: Random; source: SourceOf },
): Promise<void> {
  const set = await patch(rows, { row, random, source });
  const { name, singular, schema, table } = row.entity;
  const query = `mutation ($key: ${name}Key!, $set: ${name}Patch!, $ifVersion: String) {
  done: update${name}(key: $key, set: $set, ifVersion: $ifVersion) { row: ${singular} { id rowVersion } affected { table count } }
}`;
  const key = keyInput(row);
  if (random.chance(0.2)) {
    const refused = await service.ask(query, { key, set, ifVersion: "1" });
    expect(refused.errors?.map(({ extensions }) => extensions?.["code"])).toEqual(["PRECONDITION_FAILED"]);
  }
  const answer = await service.data(query, { key, set, ifVersion: random.chance(0.5) ? row.version : null });
  // As selected.
  const done = answer["done"] as { row: { id: string; rowVersion: string }; affected: unknown };
  expect(done.row.id).toBe(row.id);
  const isEmpty = Object.keys(set).length === 0;
  expect(done.affected).toEqual(isEmpty ? [] : [{ table: `${schema}.${table}`, count: 1 }]);
  expect(done.row.rowVersion === row.version).toBe(isEmpty);
}

async function patch(
  rows: Rows,
  { row, random, source }: { row: Row; random: Random; source: SourceOf },
): Promise<Node> {
  const set: Record<string, unknown> = {};
  for (const column of attributes(row.entity)) {
    if (column.inKey || !random.chance(0.4)) continue;
    const { name, field, type } = column;
    const before = row.cells.get(name);
    const hasDefault = column.nullable || typeof column.default === "string";
    if (hasDefault && random.chance(0.25)) {
      row.cells.set(name, defaultValue(column, rows.model));
      set[field] = null;
    } else if (type.codec !== undefined) {
      const { input, want } = await codecValue(random, type.codec, source(row, field));
      row.cells.set(name, withStore(want, type.codec.name, type.codec.store));
      set[field] = input;
    } else {
      const { input, want } = rows.value(row.entity, column);
      row.cells.set(name, want);
      set[field] = input;
    }
    if (!rows.collides(row, row)) continue;
    row.cells.set(name, before);
    delete set[field];
  }
  for (const reference of row.entity.references) {
    if (reference.inKey || !random.chance(0.5)) continue;
    const before = new Map(row.cells);
    const others = row.entity.references.filter((one) => one !== reference).flatMap((one) => one.columns);
    const own = reference.columns.filter(
      ({ column }) => !row.entity.key.includes(column) && !others.some((pair) => pair.column === column),
    );
    const free = { ...row, cells: new Map(row.cells) };
    for (const { column } of own) free.cells.delete(column);
    const found = rows.candidates(free, reference);
    if (reference.nullable && (found.length === 0 || random.chance(0.25))) {
      for (const { column } of own) row.cells.set(column, null);
      set[reference.field] = null;
    } else if (found.length > 0) {
      const target = random.pick(found);
      setReference(row, reference, target);
      set[reference.field] = { key: keyInput(target) };
    }
    if (!rows.collides(row, row)) continue;
    for (const [name, value] of before) row.cells.set(name, value);
    delete set[reference.field];
  }
  return set;
}

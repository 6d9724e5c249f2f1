/** Which tables have jobs, and what their job tables are called and keyed by. @source DataJoint 2.3.5, `jobs.py` */

import type { Column, Entity, Model, Reference } from "../../model/model.ts";

/** A table that workers fill, beside its table of jobs. */
export interface JobSubject {
  readonly entity: Entity;
  /** Stored name of the job table, in the schema of the entity's own: `~~scan_stats`. */
  readonly table: string;
  /** Columns of the entity's key that come from references, in key order: a job is one combination of their values. */
  readonly key: readonly Column[];
  /** The references that lead to them; a row of each target makes a key. */
  readonly parents: readonly Reference[];
}

/** PostgreSQL cuts longer names. */
const nameBytes = 63;

/** Every table of the model that has jobs, in the model's order. */
export function jobSubjects(model: Model): readonly JobSubject[] {
  const found = model.entities.flatMap((entity) => jobSubject(entity) ?? []);
  const places = Map.groupBy(found, placeOf);
  // `_scan` and `__scan` would share one job table: nobody could tell whose a job is.
  return found.filter((subject) => places.get(placeOf(subject))?.length === 1);
}

function placeOf({ entity, table }: JobSubject): string {
  return `${entity.schema}\0${table}`;
}

function jobSubject(entity: Entity): JobSubject | undefined {
  const isFilled = entity.tier === "IMPORTED" || entity.tier === "COMPUTED";
  if (!isFilled || entity.partOf !== undefined || entity.listOf !== undefined) return undefined;
  const inKey = new Set(entity.key);
  const parents = entity.references.filter(({ columns }) => columns.every(({ column }) => inKey.has(column)));
  const led = new Set(parents.flatMap(({ columns }) => columns.map(({ column }) => column)));
  const key = entity.key.flatMap((name) =>
    entity.columns.filter((column) => column.name === name && led.has(name)),
  );
  const table = jobTable(entity.table);
  if (key.length === 0 || Buffer.byteLength(table) > nameBytes) return undefined;
  return { entity, table, key, parents };
}

/** Stored name of the jobs of a table: `__scan_stats` → `~~scan_stats`. */
export function jobTable(table: string): string {
  return `~~${table.replace(/^_+/, "")}`;
}

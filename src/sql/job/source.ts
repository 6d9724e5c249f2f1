/** The keys that a table should have: one for each combination of rows of the tables that its key refers to. */

import type { Model } from "../../model/model.ts";
import { identifier, qualified } from "../quote.ts";
import type { JobSubject } from "./subject.ts";

/**
 * SELECT of the key source: the keys of the parents, under the names that their columns have here, joined where they share one. No row comes
 * twice, since the whole key of each parent is among the columns.
 */
export function keySource(model: Model, subject: JobSubject): string {
  const known = new Map<string, string>();
  const tables = subject.parents.map(({ target, columns }, at) => {
    const alias = `p${at}`;
    const parent = model.entity.get(target);
    const name = parent === undefined ? identifier(target) : qualified(parent.schema, parent.table);
    const shared = columns.flatMap((pair) => {
      const own = `${alias}.${identifier(pair.target)}`;
      const other = known.get(pair.column);
      if (other === undefined) known.set(pair.column, own);
      return other === undefined ? [] : [`${own} = ${other}`];
    });
    if (at === 0) return `${name} ${alias}`;
    return `JOIN ${name} ${alias} ON ${shared.length === 0 ? "true" : shared.join(" AND ")}`;
  });
  const list = subject.key.map(({ name }) => `${known.get(name) ?? "NULL"} AS ${identifier(name)}`);
  return `SELECT ${list.join(", ")} FROM ${tables.join(" ")}`;
}

/** Condition that two records have the same key. */
export function sameKey({ key }: JobSubject, a: string, b: string): string {
  return key.map(({ name }) => `${a}.${identifier(name)} = ${b}.${identifier(name)}`).join(" AND ");
}

/** Condition that the record's key is in the key source. */
export function isInSource(model: Model, subject: JobSubject, record: string): string {
  return `EXISTS (SELECT FROM (${keySource(model, subject)}) s WHERE ${sameKey(subject, "s", record)})`;
}

/** Condition that the table has a row with the record's key. */
export function isMade(subject: JobSubject, record: string): string {
  const { schema, table } = subject.entity;
  return `EXISTS (SELECT FROM ${qualified(schema, table)} g WHERE ${sameKey(subject, "g", record)})`;
}

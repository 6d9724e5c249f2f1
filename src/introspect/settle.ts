/** Drafts that hold together: what one of them loses another may need, so that it is looked at until nothing changes. */

import { tableId } from "../sql/wanted.ts";
import type { Note } from "./description.ts";
import type { Draft, DraftReference } from "./draft.ts";
import { keyOrder } from "./key-order.ts";

/** The drafts that can be said, and what was found against the others. */
export interface Settled {
  readonly drafts: ReadonlyMap<string, Draft>;
  readonly notes: readonly Note[];
}

export function settle(found: ReadonlyMap<string, Draft>): Settled {
  const drafts = new Map(found);
  const notes: Note[] = [];
  for (let changed = true; changed; ) {
    changed = false;
    for (const draft of drafts.values()) {
      const verdict = judge(draft, drafts);
      if (verdict === undefined) continue;
      changed = true;
      if ("leftOut" in verdict) {
        drafts.delete(draft.id);
        notes.push({ table: nameOf(draft), message: `left out: ${verdict.leftOut}` });
        continue;
      }
      const lost = new Set(verdict.unsaid.map(({ reference }) => reference));
      notes.push(...verdict.unsaid.map(({ reference, why }) => unsaidKey(draft, reference, why)));
      drafts.set(draft.id, { ...draft, references: draft.references.filter((one) => !lost.has(one)) });
    }
  }
  return { drafts, notes };
}

/** `schema.table` */
export function nameOf({ table }: Pick<Draft, "table">): string {
  return `${table.schema}.${table.name}`;
}

/** What is told of a foreign key that is no reference. */
export function unsaidKey(
  draft: Pick<Draft, "table">,
  { key }: Pick<DraftReference, "key">,
  why: string,
): Note {
  const columns = key.columns.join(", ");
  return {
    table: nameOf(draft),
    message: `foreign key (${columns}) to ${key.schema}.${key.table} is no reference here, and its columns are plain fields: ${why}`,
  };
}

interface Loss {
  readonly reference: DraftReference;
  readonly why: string;
}

type Verdict = { readonly leftOut: string } | { readonly unsaid: readonly Loss[] } | undefined;

function judge(draft: Draft, drafts: ReadonlyMap<string, Draft>): Verdict {
  if (draft.table.key.length === 0) return { leftOut: "it has no primary key" };
  const gone = draft.references.filter(({ target }) => !drafts.has(target));
  if (gone.length > 0)
    return { unsaid: gone.map((reference) => ({ reference, why: "that table is left out" })) };
  const circle = draft.references.filter((reference) => closesCircle(draft, reference, drafts));
  const [closing] = circle;
  if (closing !== undefined)
    return { unsaid: [{ reference: closing, why: "it closes a circle of required references" }] };
  const master = draft.name.master;
  if (master !== undefined) {
    const id = tableId(draft.table.schema, master);
    if (!drafts.has(id)) return { leftOut: `its master ${draft.table.schema}.${master} is not described` };
    if (!refersToFamily(draft, { master, drafts }))
      return { leftOut: `it is called as a part of ${master}, and no foreign key of its key leads there` };
  }
  const order = keyOrder(draft);
  if ("missing" in order) return { leftOut: keyFault(draft, order.missing) };
  if ("misfits" in order)
    return {
      unsaid: order.misfits.map((reference) => ({
        reference,
        why: "its columns stand in another order in the key",
      })),
    };
  const wrong = draft.references.filter((reference) => !keepsNulls(draft, reference));
  if (wrong.length > 0)
    return { unsaid: wrong.map((reference) => ({ reference, why: "only some of its columns may be null" })) };
  return undefined;
}

function keyFault({ words, unsaid }: Draft, column: string): string {
  const why = unsaid.get(column);
  if (why !== undefined) return `its key column ${column} cannot be said: ${why}`;
  return `its key column ${column} is ${words.get(column)?.graphql ?? "of another type"}, which cannot be part of a key in the schema language`;
}

/** A part has its master in its key, or another part of it. */
function refersToFamily(
  draft: Draft,
  { master, drafts }: { readonly master: string; readonly drafts: ReadonlyMap<string, Draft> },
): boolean {
  return draft.references.some(({ inKey, target }) => {
    const other = drafts.get(target);
    if (!inKey || other === undefined || other.table.schema !== draft.table.schema) return false;
    return other.table.name === master || other.name.master === master;
  });
}

/** A column is nullable where every reference that uses it is. */
function keepsNulls({ table, references }: Draft, reference: DraftReference): boolean {
  return reference.columns.every(({ column }) => {
    const users = references.filter(({ columns }) => columns.some((pair) => pair.column === column));
    const nullable = table.columns.find(({ name }) => name === column)?.nullable === true;
    return users.every((user) => user.nullable) === nullable;
  });
}

/** Whether required references lead from the target back to the table; a row may refer to its own table. */
function closesCircle(draft: Draft, reference: DraftReference, drafts: ReadonlyMap<string, Draft>): boolean {
  if (reference.nullable || reference.target === draft.id) return false;
  const seen = new Set<string>();
  const open = [reference.target];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (at === draft.id) return true;
    if (seen.has(at)) continue;
    seen.add(at);
    for (const { nullable, target } of drafts.get(at)?.references ?? []) if (!nullable) open.push(target);
  }
  return false;
}

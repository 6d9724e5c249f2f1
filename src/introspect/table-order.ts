/** The order in which tables are told: what is referred to first, parts behind their master. */

import type { Draft } from "./draft.ts";

/** The drafts, schema by schema in the given order. */
export function tableOrder(drafts: ReadonlyMap<string, Draft>, schemas: readonly string[]): readonly Draft[] {
  const told = new Set<string>();
  const result: Draft[] = [];
  const visit = (draft: Draft, family: ReadonlySet<string>): void => {
    if (told.has(draft.id) || !family.has(draft.id)) return;
    told.add(draft.id);
    for (const { target } of draft.references) {
      const other = drafts.get(target);
      if (other !== undefined) visit(other, family);
    }
    result.push(draft);
  };
  const sorted = [...drafts.values()].toSorted((a, b) => (a.name.base < b.name.base ? -1 : 1));
  for (const schema of schemas) {
    const own = sorted.filter(({ table }) => table.schema === schema);
    const masters = new Set(own.filter(({ name }) => name.part === undefined).map(({ id }) => id));
    const from = result.length;
    for (const draft of own) visit(draft, masters);
    for (const master of result.slice(from)) {
      const parts = own.filter(({ name }) => name.master === master.table.name);
      const before = result.length;
      for (const part of parts) visit(part, new Set(parts.map(({ id }) => id)));
      result.splice(result.indexOf(master) + 1, 0, ...result.splice(before));
    }
  }
  return result;
}

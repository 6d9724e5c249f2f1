/** What a mutation's payload shows of its rows: read by the same compiler, inside the mutation's transaction. */

import { slotIn, valueAt } from "./answer-slot.ts";
import { completeTasks } from "./complete-answer.ts";
import { newWalk, walkRow } from "./completion.ts";
import type { ReadServices } from "./execute-query.ts";
import { readRows } from "./read-rows.ts";
import type { ReadBack, ReadBackRequest } from "./write/contract.ts";

/** Makes the read side of mutations. */
export function createReadBack(services: Omit<ReadServices, "db">): ReadBack {
  const { model, registry, objects, limits, users } = services;
  return async (transaction, asked) => {
    const { entity, keys, nodes, request } = asked;
    const { fragments, variables } = request;
    const read = await readRows(services, transaction, { entity, keys, nodes, fragments, variables });
    return async () => {
      const { prefix, slots } = slotsOf(asked, read.rows);
      const walk = newWalk(model, prefix);
      for (const slot of slots) walkRow(walk, slot, { entity: entity.name, selection: read.selection });
      const { inlineLimitBytes, parallelReads } = limits;
      const { baseUrl, signal } = request.context;
      const context = { registry, objects, baseUrl, inlineLimitBytes, arguments: read.resolved, signal };
      await completeTasks(walk, context, parallelReads);
      if (walk.users.length > 0) await users?.rows(walk, read.resolved, request);
      return { rows: slots.map((slot) => valueAt(slot)), errors: walk.faults.errors };
    };
  };
}

/** Rows of a list are at `path` and their index, a single row is at `path` itself. */
function slotsOf({ entity, nodes, path }: ReadBackRequest, rows: unknown[]) {
  const isList = nodes[0]?.name.value === entity.plural;
  const place = { nullable: true, parent: undefined };
  if (isList) return { prefix: path, slots: rows.map((_, index) => slotIn(rows, index, place)) };
  const key = path.at(-1) ?? 0;
  return { prefix: path.slice(0, -1), slots: rows.map((row) => slotIn({ [key]: row }, key, place)) };
}

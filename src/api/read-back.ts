/** What a mutation's payload shows of its rows: read by the same compiler, inside the mutation's transaction. */

import { slotIn, valueAt } from "./answer-slot.ts";
import { completeTasks } from "./complete-answer.ts";
import { newWalk, walkRow } from "./completion.ts";
import type { ReadServices } from "./execute-query.ts";
import { readRows } from "./read-rows.ts";
import type { ReadBack, ReadBackRequest } from "./write/contract.ts";

/** Makes the read side of mutations. */
export function createReadBack(services: Omit<ReadServices, "db">): ReadBack {
  const { model, registry, objects, urls, limits, users } = services;
  return async (transaction, asked) => {
    const { entity, keys, nodes, request } = asked;
    const { fragments, variables, context: viewer } = request;
    const wanted = { entity, keys, nodes, fragments, variables, context: viewer };
    const read = await readRows(services, transaction, wanted);
    // A row that was written out of the viewer's sight is counted, not shown.
    const hides = services.rules !== undefined && isList(asked);
    const rows = hides ? read.rows.filter((row) => row !== null) : read.rows;
    return async () => {
      const { prefix, slots } = slotsOf(asked, rows);
      const walk = newWalk(model, prefix);
      for (const slot of slots) walkRow(walk, slot, { entity: entity.name, selection: read.selection });
      const { inlineLimitBytes, parallelReads } = limits;
      const { baseUrl, signal } = viewer;
      const context = {
        registry,
        objects,
        urls,
        baseUrl,
        inlineLimitBytes,
        arguments: read.resolved,
        signal,
      };
      await completeTasks(walk, context, parallelReads);
      if (walk.users.length > 0) await users?.rows(walk, read.resolved, request);
      return { rows: slots.map((slot) => valueAt(slot)), errors: walk.faults.errors };
    };
  };
}

function isList({ entity, nodes }: ReadBackRequest): boolean {
  return nodes[0]?.name.value === entity.plural;
}

/** Rows of a list are at `path` and their index, a single row is at `path` itself. */
function slotsOf(asked: ReadBackRequest, rows: unknown[]) {
  const { path } = asked;
  const place = { nullable: true, parent: undefined };
  if (isList(asked)) return { prefix: path, slots: rows.map((_, index) => slotIn(rows, index, place)) };
  const key = path.at(-1) ?? 0;
  return { prefix: path.slice(0, -1), slots: rows.map((row) => slotIn({ [key]: row }, key, place)) };
}

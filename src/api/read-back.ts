/** What a mutation's payload shows of its rows: read by the same compiler, inside the mutation's transaction. */

import { planRows } from "../plan/plan-operation.ts";
import { compileRows } from "../sql/select.ts";
import { parameterValues } from "../sql/select-builder.ts";
import { slotIn, valueAt } from "./answer-slot.ts";
import { codecSql } from "./codec-sql.ts";
import { completeTasks } from "./complete-answer.ts";
import { newWalk, walkRow } from "./completion.ts";
import type { ReadServices } from "./execute-query.ts";
import { parseExact } from "./json-text.ts";
import { groupKeys } from "./node-id.ts";
import { planningBudget } from "./planning-budget.ts";
import { resolveArguments } from "./resolve-arguments.ts";
import { withRules } from "./row-rules.ts";
import type { ReadBack, ReadBackRequest } from "./write/contract.ts";

/** Makes the read side of mutations. */
export function createReadBack(services: Omit<ReadServices, "db">): ReadBack {
  const { model, schema, registry, objects, limits } = services;
  const codecs = codecSql(registry);
  return async (transaction, asked) => {
    const { entity, keys, nodes, request } = asked;
    const { fragments, variables } = request;
    const plan = planRows(
      { schema, model, fragments, variables, budget: planningBudget(limits) },
      entity.name,
      nodes,
    );
    const [, ...others] = resolveArguments(plan.places, variables, { model, limits });
    const visible = services.rules?.of(request.context);
    const { resolved, rules } = withRules([groupKeys(entity, keys), ...others], visible);
    const statement = compileRows(entity.name, plan.selection, { model, codecs, resolved, rules });
    const values = parameterValues(statement.parameters, resolved);
    const found = await transaction.query<{ data: string }>(statement.text, values);
    // The statement answers a list with one element for each key.
    const all = parseExact(found.rows[0]?.data ?? "[]") as unknown[];
    // A row that was written out of the viewer's sight is counted, not shown.
    const rows = visible !== undefined && isList(asked) ? all.filter((row) => row !== null) : all;
    return async () => {
      const slots = slotsOf(asked, rows);
      const walks = slots.map(({ slot, prefix }) => {
        const walk = newWalk(model, prefix);
        walkRow(walk, slot, { entity: entity.name, selection: plan.selection });
        return walk;
      });
      const { inlineLimitBytes, parallelReads } = limits;
      const { baseUrl, signal } = request.context;
      const context = { registry, objects, baseUrl, inlineLimitBytes, arguments: resolved, signal };
      for (const walk of walks) await completeTasks(walk, context, parallelReads);
      return {
        rows: slots.map(({ slot }) => valueAt(slot)),
        errors: walks.flatMap(({ faults }) => faults.errors),
      };
    };
  };
}

function isList({ entity, nodes }: ReadBackRequest): boolean {
  return nodes[0]?.name.value === entity.plural;
}

/** Rows of a list are at `path` and their index, a single row is at `path` itself. */
function slotsOf(asked: ReadBackRequest, rows: unknown[]) {
  const { path } = asked;
  const many = isList(asked);
  return rows.map((row, index) => {
    if (many) {
      return { slot: slotIn(rows, index, { nullable: true, parent: undefined }), prefix: path };
    }
    const key = path.at(-1) ?? 0;
    return {
      slot: slotIn({ [key]: row }, key, { nullable: true, parent: undefined }),
      prefix: path.slice(0, -1),
    };
  });
}

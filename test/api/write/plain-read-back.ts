/** Reads written rows as plain JSON of their columns: enough to see in tests that reading happens inside the transaction. */

import type { ReadBack } from "../../../src/api/write/contract.ts";
import { collectFields, selectionSets } from "../../../src/plan/collect-fields.ts";
import { identifier, qualified } from "../../../src/sql/quote.ts";

export const plainReadBack: ReadBack = async (transaction, { entity, keys, nodes, request }) => {
  const type = request.schema.getType(entity.name);
  const fields = collectFields(request, type as never, selectionSets(nodes));
  const table = qualified(entity.schema, entity.table);
  const json = JSON.stringify(
    keys.map((key) => Object.fromEntries(entity.key.map((name, index) => [name, key[index]]))),
  );
  const on = entity.key.map((name) => `t.${identifier(name)} = u.${identifier(name)}`).join(" AND ");
  const { rows } = await transaction.query<{ row: string | null }>(
    `SELECT CASE WHEN t.xmin IS NULL THEN NULL ELSE (to_jsonb(t) || jsonb_build_object('xmin', t.xmin::text))::text END AS row
FROM json_array_elements($1::json) WITH ORDINALITY AS e(value, row), json_populate_record(NULL::${table}, e.value) AS u
LEFT JOIN ${table} AS t ON ${on} ORDER BY e.row`,
    [json],
  );
  const shaped = rows.map(({ row }) => {
    if (row === null) return null;
    const stored = JSON.parse(row);
    return Object.fromEntries(
      [...fields].map(([name, [node]]) => {
        if (node.name.value === "rowVersion") return [name, stored.xmin];
        const column = entity.columns.find(({ field }) => field === node.name.value);
        return [name, column === undefined ? null : stored[column.name]];
      }),
    );
  });
  return async () => ({ rows: shaped, errors: [] });
};

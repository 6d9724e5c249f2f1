/** Enum types: made when a column first needs them, dropped when this plan takes away their last column. */

import type { CatalogEnum } from "./catalog.ts";
import type { Change } from "./change.ts";
import { createEnum } from "./ddl.ts";
import { type Difference, lostColumns } from "./difference.ts";
import { qualified } from "./quote.ts";
import { tableId, type WantedEnum } from "./wanted.ts";

/** Types to create, those that cannot be, and those to drop. */
export function typeChanges(difference: Difference): readonly Change[] {
  const wanted = new Map<string, WantedEnum>();
  for (const column of difference.tables.flatMap((table) => table.columns))
    if (column.enum !== undefined) wanted.set(tableId(column.enum.schema, column.enum.name), column.enum);
  const present = new Map(difference.catalog.enums.map((type) => [tableId(type.schema, type.name), type]));
  const created = [...wanted].flatMap(([id, type]) => missingType(type, present.get(id)));
  const unused = [...present].filter(([id, type]) => !wanted.has(id) && losesLastColumn(difference, type));
  return [
    ...created,
    ...unused.map(
      ([, type]): Change => ({
        kind: "drop-type",
        summary: `Drop enum type ${type.schema}.${type.name}, which no column uses`,
        sql: `DROP TYPE ${qualified(type.schema, type.name)}`,
        destructive: false,
      }),
    ),
  ];
}

function missingType(wanted: WantedEnum, actual: CatalogEnum | undefined): Change[] {
  const name = `${wanted.schema}.${wanted.name}`;
  if (actual === undefined) {
    const summary = `Create enum type ${name} (${wanted.labels.join(", ")})`;
    return [{ kind: "create-type", summary, sql: createEnum(wanted), destructive: false }];
  }
  // The order of the values is that of whoever came first, and says nothing.
  if (actual.labels.toSorted().join("\0") === wanted.labels.toSorted().join("\0")) return [];
  const refusal = {
    message: `Enum type ${name} has the values ${actual.labels.join(", ")}, not ${wanted.labels.join(", ")}.`,
    remedy:
      "Its name is made from its values, so somebody has altered it: put the values back with ALTER TYPE.",
  };
  return [{ kind: "refused", summary: refusal.message, sql: "", destructive: false, refusal }];
}

function losesLastColumn(difference: Difference, type: CatalogEnum): boolean {
  return (
    type.users.length > 0 &&
    type.users.every(({ table, column }) => {
      const gone = difference.dropped.has(table) || lostColumns(difference, table).has(column);
      return gone || difference.converted.get(table)?.has(column) === true;
    })
  );
}

/** Which fields change their codec: what the schema file wants, beside what is in the tables. */

import { catalogFor } from "../db/apply.ts";
import { ServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { script } from "../sql/change.ts";
import {
  beginStatements,
  type CodecMove,
  codecMoves,
  isElsewhere,
  nextColumn,
  obstacleTo,
  oldColumn,
  storeMoves,
} from "../sql/codec-move.ts";
import { identifier, qualified } from "../sql/quote.ts";
import { wantedTables } from "../sql/table.ts";
import type { MigrateServices, MoveState, PlannedMove, Sql, Versions } from "./contract.ts";
import { conversionFor, type OpenMove } from "./copy.ts";
import { readMoves } from "./record.ts";

/** A move, and why it cannot be made. */
export interface FoundMove {
  readonly move: CodecMove;
  readonly obstacle: string | undefined;
  /** True where it is recorded, and its hidden column there. */
  readonly isBegun: boolean;
}

/** The fields whose codec is to change; with `stores` those too that have values in another store than theirs. What was begun is among them. */
export async function findMoves(
  services: Pick<MigrateServices, "codecs">,
  db: Sql,
  { served, wanted, stores = false }: Versions & { readonly stores?: boolean },
): Promise<readonly FoundMove[]> {
  const tables = wantedTables(wanted);
  const catalog = await catalogFor(db, tables, wanted.schema);
  const before = wantedTables(served);
  const begun = await readMoves(db, wanted.schema, ["copying"]);
  const changed = codecMoves(tables, catalog, { owner: wanted.schema, before });
  const others = storeMoves(tables, catalog).filter(
    (move) => !changed.some((one) => one.column === move.column),
  );
  const moved: CodecMove[] = [];
  for (const move of others) {
    const isWanted = begun.some((one) => isOf(one, move)) || (stores && (await countMoved(db, move)) !== "0");
    if (isWanted) moved.push(move);
  }
  return [...changed, ...moved].map((move) => {
    const actual = catalog.tables.get(`${move.table.schema}\0${move.table.name}`)?.columns ?? [];
    const has = (name: string): boolean => actual.some((column) => column.name === name);
    const { table, column } = move;
    const isBegun = begun.some((one) => isOf(one, move));
    const [next, old] = [nextColumn(column.name), oldColumn(column.name)];
    const taken =
      has(next) && !isBegun
        ? `${table.schema}.${table.name} has a column ${next} of somebody else's`
        : undefined;
    const left = has(old)
      ? "the values before its last change are still kept: holdfast migrate --drop-old"
      : undefined;
    return { move, isBegun, obstacle: obstacleTo(move) ?? taken ?? left ?? unlike(services, move, wanted) };
  });
}

function isOf({ schema, table, column }: MoveState, move: CodecMove): boolean {
  return schema === move.table.schema && table === move.table.name && column === move.column.name;
}

function unlike(
  services: Pick<MigrateServices, "codecs">,
  move: CodecMove,
  wanted: Model,
): string | undefined {
  try {
    if (conversionFor(services, move, wanted) !== undefined) return undefined;
  } catch (error) {
    if (error instanceof ServiceError) return error.message;
    throw error;
  }
  return `values of ${move.from} cannot become values of ${move.to}`;
}

/** Values that a move would copy, as text. */
async function countMoved(db: Sql, move: CodecMove): Promise<string> {
  const { table, column, isBetweenStores } = move;
  const which = isBetweenStores ? isElsewhere(move) : `t.${identifier(column.name)} IS NOT NULL`;
  const { rows } = await db.query<{ count: string }>(
    `SELECT count(*)::text AS count FROM ${qualified(table.schema, table.name)} t WHERE ${which}`,
  );
  return rows[0]?.count ?? "0";
}

/** What `begin` would do, with the values that there are. */
export async function planned(db: Sql, { move, obstacle }: FoundMove): Promise<PlannedMove> {
  const { table, column, from, to } = move;
  return {
    ...{ entity: table.entity, schema: table.schema, table: table.name, column: column.name, from, to },
    values: await countMoved(db, move),
    sql: script(beginStatements(move)),
    obstacle: obstacle ?? null,
  };
}

/**
 * The moves that were begun, as the file still wants them.
 * @throws {CONFLICT} when the file wants something else by now.
 */
export function openMoves(
  services: Pick<MigrateServices, "codecs">,
  states: readonly MoveState[],
  { found, wanted }: { readonly found: readonly FoundMove[]; readonly wanted: Model },
): readonly OpenMove[] {
  return states.map((state) => {
    const one = found.find(({ move }) => isOf(state, move));
    const conversion = one === undefined ? undefined : conversionFor(services, one.move, wanted);
    if (one === undefined || conversion === undefined || one.move.to !== state.to || !one.isBegun)
      throw changed(state);
    return { id: state.id, move: one.move, conversion };
  });
}

function changed({ schema, table, column, from, to }: MoveState): ServiceError {
  return new ServiceError(
    "CONFLICT",
    `${schema}.${table}.${column} was to change from ${from} to ${to}, which the schema file does not want any more.`,
    {
      details: {
        field: `${schema}.${table}.${column}`,
        remedy: "Put the schema file back as it was, or give the change up: holdfast migrate --abandon.",
      },
    },
  );
}

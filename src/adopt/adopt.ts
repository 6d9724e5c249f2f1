/**
 * Tables that others have made, taken under the guard of foreign keys while everybody goes on writing: what would be done, and doing it. Of the rows and of
 * what DataJoint sees nothing changes; `undo.ts` takes it back.
 */

import type { Database, Queryable } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import { adoptTable } from "./adopt-table.ts";
import type { AdoptOptions, AdoptReport, ApplyOptions, ColumnReport, TableReport } from "./contract.ts";
import { type FoundTable, findTable, findTables, nameOf, stateOf } from "./found.ts";
import { noteOf } from "./obstacles.ts";
import { oneAtATime } from "./one-at-a-time.ts";
import { lookAtBytes, reportTable } from "./report.ts";

/** What `adopt` would do, and what is in the way. Changes nothing. */
export async function planAdoption(db: Queryable, options: AdoptOptions): Promise<AdoptReport> {
  const { tables, notes } = await found(db, options);
  const reports: TableReport[] = [];
  for (const table of tables) reports.push(await reportTable(db, table, { options, notes }));
  return { applied: false, schemas: options.schemas, tables: reports, notes };
}

/**
 * Adopts what nothing is in the way of, one table after the other; what is in the way of one stops no other. A run that ended half-way is gone on with
 * by the next.
 * @throws {CONFLICT} while another run is at work on the database.
 */
export async function adopt(db: Database, options: ApplyOptions): Promise<AdoptReport> {
  return oneAtATime(db, () => adoptAll(db, options));
}

async function adoptAll(db: Database, options: ApplyOptions): Promise<AdoptReport> {
  const { tables, notes } = await found(db, options);
  const reports: TableReport[] = [];
  for (const table of tables) {
    options.signal.throwIfAborted();
    const before = await reportTable(db, table, { options: { ...options, looksAtBytes: false }, notes });
    const { done, failed } = await adoptTable({ db, options }, table, before);
    const now = await findTable(db, table);
    if (now === undefined) throw gone(table);
    const columns = await columnsAfter(db, { table: now, before }, { options, notes });
    reports.push({ ...before, columns, obstacles: [...before.obstacles, ...failed], done });
  }
  return { applied: true, schemas: options.schemas, tables: reports, notes };
}

async function found(
  db: Queryable,
  { schemas }: AdoptOptions,
): Promise<{ readonly tables: readonly FoundTable[]; readonly notes: string[] }> {
  const all = await findTables(db, schemas);
  const notes = all.flatMap((table) => noteOf(table) ?? []);
  return { tables: all.filter((table) => noteOf(table) === undefined), notes };
}

/** The columns as they are now, with the bytes of those that were not adopted before. */
async function columnsAfter(
  db: Queryable,
  { table, before }: { readonly table: FoundTable; readonly before: TableReport },
  telling: { readonly options: AdoptOptions; readonly notes: string[] },
): Promise<readonly ColumnReport[]> {
  const columns: ColumnReport[] = [];
  for (const told of before.columns) {
    const column = table.columns.find(({ name }) => name === told.column);
    const now = column === undefined ? told : { ...told, ...stateOf(column) };
    const isNew = told.kind === "objects" && told.state !== "adopted" && now.state !== "not adopted";
    const looks = telling.options.looksAtBytes && isNew && told.store !== undefined;
    const missing =
      looks && column !== undefined && told.store !== undefined
        ? await lookAtBytes(db, { table, column, store: told.store }, telling)
        : undefined;
    columns.push({ ...now, ...(missing === undefined ? {} : { missing }) });
  }
  return columns;
}

function gone(table: FoundTable): ServiceError {
  return new ServiceError("CONFLICT", `${nameOf(table)} was dropped while it was being adopted.`, {
    details: { table: nameOf(table), remedy: "Run it again." },
  });
}

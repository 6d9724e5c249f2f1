/** Rows on their way out of a backup file, all in one transaction: the tables appear with every row in them, or not at all. */

import { applyOnce } from "../db/apply.ts";
import type { CopyTransaction } from "../db/copy.ts";
import { addCodecs } from "../db/kept-codecs.ts";
import { ServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { declareJobs, jobTableWanted, lookForJobs } from "../sql/job/declare.ts";
import { jobSubjects } from "../sql/job/subject.ts";
import { lineageTable } from "../sql/lineage.ts";
import { identifiers, literal, qualified } from "../sql/quote.ts";
import { closeArchive, damaged, readArchive } from "./archive-reader.ts";
import type { CheckedBackup } from "./check.ts";
import { idOf, readFacts } from "./facts.ts";
import { type BackupTable, codecsIn, rowsOf } from "./format.ts";
import { holdTable } from "./obstacles.ts";
import { objectTable, ownedTables, ownSchema, settingTable } from "./own-tables.ts";
import { addColumns, afterRows, beforeRows, differences } from "./remake.ts";
import { takeReservations } from "./reserve.ts";

/** What restoring rows stands on. */
export interface RowsIn {
  readonly path: string;
  readonly backup: CheckedBackup;
  readonly model: Model;
  /** Of Holdfast. */
  readonly version: string;
  readonly signal?: AbortSignal | undefined;
  readonly onStep?: ((step: string) => void) | undefined;
}

/** Settings come into a table of their own first: those that the database has already stay. */
const settingsAside = "holdfast_restored_setting";

/** Makes the tables and brings the rows. @throws {CONFLICT} when a schema is there, {CONSTRAINT_VIOLATION} when rows do not fit. */
export async function restoreRows(transaction: CopyTransaction, context: RowsIn): Promise<void> {
  const { backup, model, path } = context;
  const { header, end } = backup;
  await refuseSchemas(transaction, header.facts.schemas);
  const plan = await applyOnce(transaction, model, {});
  if (plan.changes.length === 0) throw damaged(path, "its schema file describes no table");
  await makeReady(transaction, context);
  await copyRows(transaction, context);
  for (const sql of afterRows(header.facts)) await transaction.query(sql);
  await settleOwn(transaction, context);
  await takeReservations(transaction, header.id, end.objects);
  const names = header.facts.tables.map(({ schema, table }) => ({ schema, table }));
  const wrong = differences(header.facts, await readFacts(transaction, names));
  if (wrong.length > 0) {
    throw new ServiceError(
      "CONFLICT",
      `The tables could not be made as they were: ${wrong.slice(0, 10).join("; ")}.`,
      {
        details: { problems: wrong, remedy: `Restore with the Holdfast that made it: ${header.madeBy}.` },
      },
    );
  }
}

/** @throws {CONFLICT} naming schemas that are there. */
export async function refuseSchemas(
  db: Pick<CopyTransaction, "query">,
  schemas: readonly string[],
): Promise<void> {
  const { rows } = await db.query<{ name: string }>(
    "SELECT nspname::text AS name FROM pg_namespace WHERE nspname = ANY ($1::text[]) ORDER BY 1",
    [schemas],
  );
  if (rows.length === 0) return;
  const names = rows.map(({ name }) => name).join(", ");
  throw new ServiceError("CONFLICT", `The database has the schema ${names} already.`, {
    details: {
      field: "schema",
      value: names,
      remedy:
        "Restore into a database without it, for example a new one: nothing that is there is ever replaced.",
    },
  });
}

async function makeReady(transaction: CopyTransaction, { backup, model }: RowsIn): Promise<void> {
  const { facts, owner } = backup.header;
  await makeJobTables(transaction, { backup, model });
  for (const { schema, table } of facts.tables) {
    if (table === holdTable) await transaction.query(`SELECT holdfast.adopt_schema(${literal(schema)})`);
    // What it says now is of the tables as an apply makes them.
    if (table === lineageTable) await transaction.query(`DELETE FROM ${qualified(schema, table)}`);
  }
  const names = facts.tables.map(({ schema, table }) => ({ schema, table }));
  for (const step of [addColumns, beforeRows])
    for (const sql of step(facts, await readFacts(transaction, names))) await transaction.query(sql);
  for (const { schema, table } of ownedTables)
    await transaction.query(`DELETE FROM ${qualified(schema, table)} WHERE owner = ${literal(owner)}`);
  await transaction.query(
    `CREATE TEMP TABLE ${settingsAside} (LIKE ${qualified(ownSchema, settingTable.table)}) ON COMMIT DROP`,
  );
}

/** The tables of jobs, which no schema file says. */
async function makeJobTables(
  transaction: CopyTransaction,
  { backup, model }: Pick<RowsIn, "backup" | "model">,
): Promise<void> {
  const names = new Set(backup.header.facts.tables.map(idOf));
  for (const subject of jobSubjects(model)) {
    if (!names.has(idOf({ schema: subject.entity.schema, table: subject.table }))) continue;
    const { rows } = await transaction.query<{ hasType: boolean }>(lookForJobs(subject));
    const hasType = rows[0]?.hasType === true;
    for (const sql of declareJobs(jobTableWanted(model, subject), { hasType })) await transaction.query(sql);
  }
}

async function copyRows(transaction: CopyTransaction, context: RowsIn): Promise<void> {
  const { path, backup, signal, onStep } = context;
  const entries = readArchive(path, signal);
  try {
    let next = await entries.next();
    const isOf = (folder: string): boolean => next.done !== true && next.value.name.startsWith(folder);
    const first = backup.header.tables.findIndex((_, at) => (backup.end.rows[at] ?? 0) > 0);
    const begin = backup.header.tables[first];
    while (begin !== undefined && next.done !== true && !isOf(rowsOf(begin))) next = await entries.next();
    for (const [at, table] of backup.header.tables.entries()) {
      const folder = rowsOf(table);
      const wanted = backup.end.rows[at] ?? 0;
      onStep?.(`${table.schema}.${table.table}: ${wanted} rows`);
      async function* bytes(): AsyncGenerator<Uint8Array> {
        for (; next.done !== true && next.value.name.startsWith(folder); next = await entries.next())
          yield* next.value.body;
      }
      const rows = isOf(folder) ? await transaction.copyIn(copyText(table), bytes()) : 0;
      if (rows !== wanted)
        throw damaged(path, `it tells of ${wanted} rows of ${table.schema}.${table.table}, and has ${rows}`);
    }
  } finally {
    await closeArchive(entries);
  }
}

function copyText(table: BackupTable): string {
  const isSetting = table.schema === ownSchema && table.table === settingTable.table;
  const into = isSetting ? `pg_temp.${settingsAside}` : qualified(table.schema, table.table);
  return `COPY ${into} (${identifiers(table.columns)}) FROM STDIN`;
}

/** Holdfast's own rows: what is missing is not known to be good, and each store begins as one that nobody has confirmed. */
async function settleOwn(transaction: CopyTransaction, { backup, version }: RowsIn): Promise<void> {
  const { header, end } = backup;
  const missing = end.missing.map(({ locator }) => locator);
  await transaction.query(
    "UPDATE holdfast.object SET verified_at = NULL, dedup = NULL WHERE locator = ANY ($1::text[])",
    [missing],
  );
  await transaction.query(
    `SELECT setval(pg_get_serial_sequence('holdfast.object', 'gen'), greatest(max(gen), 1)) FROM ${qualified(ownSchema, objectTable.table)}`,
  );
  await transaction.query(
    `INSERT INTO holdfast.setting SELECT * FROM pg_temp.${settingsAside} ON CONFLICT (name) DO NOTHING`,
  );
  await addCodecs(transaction, codecsIn(header));
  for (const { name, drain, grace, keep } of header.stores) {
    await transaction.query(
      `UPDATE holdfast.store SET drain = $2::interval, grace = $3::interval, keep = $4::interval, gc = 'report', confirmed_version = NULL
       WHERE name = $1`,
      [name, drain, grace, keep],
    );
  }
  await transaction.query(
    `INSERT INTO holdfast.collector_run (kind, state, applied, by, version, ended_at, report)
     VALUES ('RESTORE', 'DONE', true, 'holdfast restore', $1, clock_timestamp(), $2::jsonb)`,
    [version, JSON.stringify({ backup: header.id, moment: header.moment, objects: end.objects, missing })],
  );
}

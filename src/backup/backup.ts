/** `holdfast backup`: rows and objects of one moment in one file, while writes go on. */

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Queryable } from "../db/contract.ts";
import { type CopyTransaction, copyTransaction } from "../db/copy.ts";
import type { PostgresDatabase } from "../db/database.ts";
import { allKeptCodecs } from "../db/kept-codecs.ts";
import { ServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import type { FaultPoints } from "../object/fault-points.ts";
import { qualified } from "../sql/quote.ts";
import type { Stores } from "../store/contract.ts";
import { ArchiveWriter } from "./archive-writer.ts";
import { readFacts, type TableName } from "./facts.ts";
import {
  type BackupHeader,
  type BackupTable,
  formatName,
  formatVersion,
  headerName,
  type MissingObject,
  schemaName,
} from "./format.ts";
import { ObjectList } from "./object-list.ts";
import { type WrittenObjects, writeObjects } from "./objects-out.ts";
import { refuseObstacles, tablesOf } from "./obstacles.ts";
import { codecTable, ownSchema, ownTables, rowsWanted } from "./own-tables.ts";
import { writeRows } from "./rows-out.ts";

/** The schema file that the tables follow. */
export interface BackupVersions {
  readonly model: Model;
  /** Its text. */
  readonly source: string;
  /** The text of the file itself, while fields change their codecs for it. */
  readonly wanted?: string;
}

/** What a backup is taken of. */
export interface BackupContext {
  readonly database: PostgresDatabase;
  /** Identified ones. */
  readonly stores: Stores;
  /** The schema file, as `db` tells which text of it the tables follow. */
  versions(db: Queryable): Promise<BackupVersions>;
  /** Of Holdfast. */
  readonly version: string;
  readonly faults: FaultPoints;
}

/** What a caller asks of {@link backup}. */
export interface BackupRequest {
  /** Where to; never replaced. */
  readonly file: string;
  /** True: objects whose bytes are missing or damaged are listed instead of refused. */
  readonly allowMissing: boolean;
  /** What the schema file does not say, and the backup does without: `schema.table`. */
  readonly leaveOut: readonly string[];
  readonly signal?: AbortSignal | undefined;
  /** Told what is being written. */
  readonly onStep?: (step: string) => void;
}

/** What a backup holds. */
export interface BackupReport {
  readonly id: string;
  readonly moment: string;
  readonly tables: number;
  readonly rows: number;
  readonly objects: number;
  readonly objectBytes: number;
  readonly missing: readonly MissingObject[];
}

/** Rows of one moment, written. */
interface Frozen {
  readonly header: BackupHeader;
  readonly rows: readonly number[];
  readonly list: ObjectList;
}

/**
 * Writes the file; it appears whole or not at all.
 * @throws {CONFLICT} when the file exists or the schema file does not say all that is there, {OBJECT_MISSING} naming the objects whose
 * bytes are missing or damaged, {STORE_UNKNOWN}, {STORE_UNAVAILABLE}, {DATABASE_UNAVAILABLE}.
 */
export async function backup(context: BackupContext, request: BackupRequest): Promise<BackupReport> {
  const archive = await ArchiveWriter.begin(request.file);
  try {
    const { header, rows, list } = await freeze(context, request, archive);
    await using objects = list;
    await context.faults("backup.frozen");
    const written = await writeObjects(
      {
        db: context.database,
        stores: context.stores,
        archive,
        signal: request.signal,
        onObject: async ({ objects: done }) => {
          await context.faults("backup.object");
          if (done % 100 === 0) request.onStep?.(`objects: ${done}`);
        },
      },
      objects.objects(),
    );
    if (written.missing.length > 0 && !request.allowMissing) throw incomplete(written.missing);
    await context.faults("backup.before-name");
    const { id } = header;
    const { bytes: objectBytes, missing } = written;
    await archive.finish({ id, rows, objects: written.objects, objectBytes, missing });
    return reportOf(header, rows, written);
  } catch (error) {
    await archive.discard();
    throw error;
  }
}

function reportOf(header: BackupHeader, rows: readonly number[], written: WrittenObjects): BackupReport {
  return {
    id: header.id,
    moment: header.moment,
    tables: header.tables.filter(isUsers).length,
    rows: rows.reduce((sum, count, at) => sum + (isUsers(header.tables[at]) ? count : 0), 0),
    objects: written.objects,
    objectBytes: written.bytes,
    missing: written.missing,
  };
}

function isUsers(table: BackupTable | undefined): boolean {
  return table !== undefined && table.schema !== ownSchema && !table.table.startsWith("~");
}

/** A table that is made or dropped between looking and locking: look again. */
class TablesMoved extends Error {}

async function freeze(
  context: BackupContext,
  request: BackupRequest,
  archive: ArchiveWriter,
): Promise<Frozen> {
  for (let attempt = 1; ; attempt++) {
    try {
      const versions = await context.versions(context.database);
      const names = await tablesOf(context.database, versions.model);
      return await copyTransaction(
        context.database,
        (transaction) => freezeOnce(transaction, { context, request, archive, names, versions }),
        { isSnapshot: true, lockTimeoutMs: 60_000 },
      );
    } catch (error) {
      if (!(error instanceof TablesMoved)) throw error;
      if (attempt >= 10) {
        throw new ServiceError("CONFLICT", "Tables are being made or dropped all the time.", {
          details: { remedy: "Try again when the changes of the schema are done." },
        });
      }
      await sleep(200 * attempt);
    }
  }
}

interface Freezing {
  readonly context: BackupContext;
  readonly request: BackupRequest;
  readonly archive: ArchiveWriter;
  readonly names: readonly TableName[];
  readonly versions: BackupVersions;
}

async function freezeOnce(transaction: CopyTransaction, freezing: Freezing): Promise<Frozen> {
  const { context, request, archive, names, versions } = freezing;
  const { model, source } = versions;
  // Before the first look: what is locked afterwards could have been emptied in between, which no snapshot would show.
  const locked = [...ownTables, codecTable, ...names].map(({ schema, table }) => qualified(schema, table));
  await transaction.query(`LOCK TABLE ${locked.join(", ")} IN ACCESS SHARE MODE`);
  await transaction.query("SET LOCAL search_path = pg_catalog");
  const now = await tablesOf(transaction, model);
  const isMoved = (await context.versions(transaction)).source !== source;
  if (isMoved || JSON.stringify(now) !== JSON.stringify(names)) throw new TablesMoved();
  await refuseObstacles(transaction, model, { tables: now, leaveOut: request.leaveOut });
  await refuseUnconfigured(transaction, context.stores);
  const header = await headerOf(transaction, freezing);
  await archive.addText(headerName, `${JSON.stringify(header, null, 1)}\n`);
  await archive.addText(schemaName, source);
  const rows: number[] = [];
  for (const table of header.tables) {
    const { signal } = request;
    signal?.throwIfAborted();
    request.onStep?.(`${table.schema}.${table.table}`);
    rows.push(
      await writeRows(archive, transaction, { table, which: rowsWanted(table, model.schema), signal }),
    );
  }
  return { header, rows, list: await ObjectList.of(transaction, `${archive.partPath}.objects`) };
}

async function headerOf(
  transaction: CopyTransaction,
  { context, request, names, versions }: Freezing,
): Promise<BackupHeader> {
  const { stores, version } = context;
  const { model, wanted } = versions;
  const facts = await readFacts(transaction, names);
  const found = await transaction.query<{ moment: string; postgres: string }>(
    `SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS moment, current_setting('server_version') AS postgres`,
  );
  const known = await transaction.query<BackupHeader["stores"][number]>(
    `SELECT name, is_default AS "isDefault", drain::text, grace::text, keep::text FROM holdfast.store WHERE name = ANY ($1::text[]) ORDER BY name`,
    [[...stores.all.keys()]],
  );
  return {
    format: formatName,
    version: formatVersion,
    id: randomUUID(),
    madeBy: version,
    moment: found.rows[0]?.moment ?? "",
    postgres: found.rows[0]?.postgres ?? "",
    owner: model.schema,
    ...(wanted === undefined ? {} : { wanted }),
    codecs: [...(await allKeptCodecs(transaction))].map(([name, description]) => ({ name, description })),
    stores: known.rows,
    filepathDefaultStore: stores.filepathDefaultName ?? null,
    tables: [
      ...ownTables,
      ...facts.tables.toSorted(keptFirst).map(({ schema, table, columns }) => ({
        schema,
        table,
        columns: columns.map(({ name }) => name),
      })),
    ],
    facts,
    leftOut: request.leaveOut,
  };
}

/** Holds come before the rows that need them. */
function keptFirst(a: TableName, b: TableName): number {
  return Number(b.table.startsWith("~")) - Number(a.table.startsWith("~"));
}

async function refuseUnconfigured(transaction: CopyTransaction, stores: Stores): Promise<void> {
  const { rows } = await transaction.query<{ name: string }>(
    `SELECT name FROM holdfast.store s WHERE EXISTS
       (SELECT FROM holdfast.object o WHERE o.locator >= s.name || ':' AND o.locator < s.name || ';') ORDER BY name`,
  );
  for (const { name } of rows) stores.get(name);
}

function incomplete(missing: readonly MissingObject[]): ServiceError {
  const told = missing.slice(0, 20).map(({ locator, problem }) => `${locator}: ${problem}`);
  const more = missing.length > told.length ? ` and ${missing.length - told.length} more` : "";
  return new ServiceError(
    "OBJECT_MISSING",
    `No backup was written, because bytes of ${missing.length === 1 ? "an object" : `${missing.length} objects`} are missing or damaged: ${told.join("; ")}${more}.`,
    {
      details: {
        problems: missing,
        remedy: "Look for them with: holdfast fsck. To back up what there is: --allow-missing",
      },
    },
  );
}

/** `holdfast restore`: what a backup file holds, into a database and stores that have none of it. */

import { copyTransaction } from "../db/copy.ts";
import type { PostgresDatabase } from "../db/database.ts";
import { ServiceError } from "../errors.ts";
import type { FaultPoints } from "../object/fault-points.ts";
import { locatorOf } from "../object/locator.ts";
import type { Stores } from "../store/contract.ts";
import type { Entry } from "./archive-reader.ts";
import { type BackupHead, checkBackup, readHead } from "./check.ts";
import { type BackupHeader, codecsIn, type MissingObject, type ParseModel } from "./format.ts";
import { restoreObjects, targetOf } from "./objects-in.ts";
import { keyTaken, reservedCount } from "./reserve.ts";
import { refuseSchemas, restoreRows } from "./rows-in.ts";

/** What a restore works on. */
export interface RestoreContext {
  /** Migrated. */
  readonly database: PostgresDatabase;
  /** Registered and identified ones. */
  readonly stores: Stores;
  readonly parse: ParseModel;
  /** Of Holdfast. */
  readonly version: string;
  readonly faults: FaultPoints;
}

/** What a caller asks of {@link restore}. */
export interface RestoreRequest {
  readonly file: string;
  readonly signal?: AbortSignal | undefined;
  /** Told what is being done. */
  readonly onStep?: (step: string) => void;
}

/** What was restored. */
export interface RestoreReport {
  readonly header: BackupHeader;
  /** Text of the schema file, as its user had it. */
  readonly source: string;
  readonly objects: number;
  readonly missing: readonly MissingObject[];
}

/**
 * Checks the whole file, writes the objects under reserved keys, then makes tables and rows in one transaction. Ended half-way, nothing is
 * to be seen, and running it again goes on.
 * @throws {BACKUP_INVALID} naming what is wrong with the file, {CONFLICT} naming a schema or key that is there, {CONFIG_INVALID} naming a
 * store that is not configured as it was, {SCHEMA_INVALID} when a codec is not there.
 */
export async function restore(context: RestoreContext, request: RestoreRequest): Promise<RestoreReport> {
  const { database, stores, faults } = context;
  const { file, signal, onStep } = request;
  const head = await readHead(file, signal);
  await refuseEarly(context, head);
  const isResumed = (await reservedCount(database, head.header.id)) > 0;
  onStep?.("checking the file");
  const occupied = isResumed ? new Set<string>() : await occupiedStores(stores, head.header, signal);
  const onObject = (entry: Entry) => refuseTaken(stores, { entry, occupied, signal });
  const backup = await checkBackup(file, { signal, onObject });
  const model = await context.parse(backup.source, codecsIn(backup.header));
  const onFile = async (files: number) => {
    await faults("restore.file");
    if (files % 100 === 0) onStep?.(`objects: ${files}`);
  };
  await restoreObjects({ db: database, stores, path: file, backup, isResumed, faults, signal, onFile });
  await copyTransaction(
    database,
    async (transaction) => {
      const { version } = context;
      await restoreRows(transaction, { path: file, backup, model, version, signal, onStep });
      await faults("restore.before-commit");
    },
    { isSnapshot: false },
  );
  await faults("restore.committed");
  const { header, end } = backup;
  // While fields change their codecs the tables are older than the file.
  return { header, source: header.wanted ?? backup.source, objects: end.objects, missing: end.missing };
}

/** What can be refused before all of the file is read. */
async function refuseEarly(
  { database, stores, parse }: RestoreContext,
  { header, source }: BackupHead,
): Promise<void> {
  for (const { name, isDefault } of header.stores) {
    if (!stores.all.has(name))
      throw unconfigured(
        `stores.${name}`,
        `The backup's rows name the store ${name}, which is not configured.`,
        `Configure a store ${name}; it may lie anywhere else.`,
      );
    if (isDefault && stores.defaultName !== name)
      throw unconfigured(
        "stores.default",
        `The default store was ${name}, and is ${stores.defaultName ?? "(none)"} here.`,
        `Set stores.default to ${name}.`,
      );
  }
  await refuseSchemas(database, header.facts.schemas);
  const { rows } = await database.query<{ name: string }>(
    "SELECT name FROM holdfast.store WHERE gc = 'restore' AND name = ANY ($1::text[])",
    [header.stores.map(({ name }) => name)],
  );
  const restoring = rows[0]?.name;
  if (restoring !== undefined)
    throw new ServiceError(
      "CONFLICT",
      `The store ${restoring} is in the mode restore: nothing is written to its keys.`,
      {
        details: { field: "store", value: restoring, remedy: "Confirm the store first: holdfast gc" },
      },
    );
  await parse(source, codecsIn(header));
}

function unconfigured(field: string, message: string, remedy: string): ServiceError {
  return new ServiceError("CONFIG_INVALID", message, { details: { field, remedy } });
}

/** Stores that hold more than their marker. */
async function occupiedStores(
  stores: Stores,
  header: BackupHeader,
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  const occupied = new Set<string>();
  for (const { name } of header.stores) {
    for await (const { path } of stores.get(name).driver.list("", { signal })) {
      if (path.startsWith("_obj/")) continue;
      occupied.add(name);
      break;
    }
  }
  return occupied;
}

async function refuseTaken(
  stores: Stores,
  {
    entry,
    occupied,
    signal,
  }: { entry: Entry; occupied: ReadonlySet<string>; signal: AbortSignal | undefined },
): Promise<void> {
  const { store, path } = targetOf(entry.name);
  if (!occupied.has(store)) return;
  if ((await stores.get(store).driver.head(path, signal)) === undefined) return;
  throw keyTaken(locatorOf(store, path), "The store has bytes there.");
}

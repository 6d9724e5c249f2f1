/** Copying what waits: each value is placed and compared first, then a few rows are written in one transaction. */

import type { JsonObject } from "../codec/contract.ts";
import { openStored } from "../codec/open-stored.ts";
import type { Transaction } from "../db/contract.ts";
import { isServiceError, ServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { pathText } from "../plan/path-text.ts";
import type { CodecMove } from "../sql/codec-move.ts";
import type { MigrateServices, MoveFailure } from "./contract.ts";
import { type Conversion, conversionOf } from "./conversion.ts";
import { type Placed, place } from "./place.ts";
import { countCopied } from "./record.ts";
import { countPending, isUnchanged, type PendingRow, pendingRows, writeCopy } from "./rows.ts";

/** A move that is being made. */
export interface OpenMove {
  readonly id: string;
  readonly move: CodecMove;
  readonly conversion: Conversion;
}

/** Rows that could not be taken over, and the first of them by name. */
export interface Failures {
  readonly count: number;
  readonly first: readonly MoveFailure[];
}

/** Values that are placed at the same time: many small ones, since what is asked for one of them is asked for all that wait. */
const smallAtOnce = 16;
const largeAtOnce = 2;
const smallBytes = 262_144;
/** Failures that are told by name. */
const named = 100;
/** What says that a value, and not the store or the database, is in the way. */
const faultsOfValues: ReadonlySet<string> = new Set([
  "CODEC_INVALID_VALUE",
  "CODEC_CORRUPT",
  "LIMIT_EXCEEDED",
  "OBJECT_MISSING",
  "OBJECT_CORRUPT",
  "REFERENCE_CHANGED",
]);
const races: ReadonlySet<string> = new Set(["CONFLICT", "REFERENCE_CHANGED", "UPLOAD_EXPIRED"]);

/** The conversion of a move. @throws {CODEC_UNKNOWN}; `undefined` where the codecs have nothing in common. */
export function conversionFor(
  { codecs }: Pick<MigrateServices, "codecs">,
  { table, column, source }: CodecMove,
  model: Model,
): Conversion | undefined {
  const entity = entityOf(model, table);
  const to = entity?.columns.find(({ name }) => name === column.name)?.type.codec;
  return to === undefined ? undefined : conversionOf(codecs, source, to);
}

function entityOf(model: Model, { schema, name }: CodecMove["table"]) {
  return model.entities.find((entity) => entity.schema === schema && entity.table === name);
}

/**
 * One walk over what waits, which ends after as many rows as waited when it began: those who write may be faster than what is copied.
 * @throws what is no fault of a value: the store's, the database's.
 */
export async function copyPass(
  services: MigrateServices,
  open: OpenMove,
  { model, signal }: { readonly model: Model; readonly signal: AbortSignal },
): Promise<Failures> {
  let count = 0;
  const first: MoveFailure[] = [];
  let left = await countPending(services.db, open.move);
  for await (const rows of pendingRows(services.db, open.move)) {
    signal.throwIfAborted();
    if (left <= 0) break;
    left -= rows.length;
    const { done, failures } = await placeAll(services, open, { rows, model, signal });
    count += failures.length;
    first.push(...failures.slice(0, named - first.length));
    // What has changed since it was read, or has lost a race, waits for the next pass.
    await writeAll(services, done);
  }
  return { count, first };
}

/**
 * The same for the last ones, within the transaction that keeps writers away. All are placed before the first is published: what is reserved for
 * the next would wait for what this transaction has published.
 * @throws when one of them cannot be copied.
 */
export async function copyRest(
  services: MigrateServices,
  moves: readonly OpenMove[],
  at: { readonly model: Model; readonly signal: AbortSignal; readonly transaction: Transaction },
): Promise<void> {
  const all: Done[] = [];
  for (const open of moves) {
    for await (const rows of pendingRows(at.transaction, open.move)) {
      const { done, failures } = await placeAll(services, open, { ...at, rows });
      const [failure] = failures;
      if (failure !== undefined) throw new ServiceError("CODEC_INVALID_VALUE", failure.message);
      all.push(...done);
    }
  }
  if ((await writeIn(services, at.transaction, all)) !== all.length)
    throw new ServiceError("CONFLICT", "A value has changed while nobody could write to it.");
}

interface Done {
  readonly open: OpenMove;
  readonly row: PendingRow;
  readonly placed: Placed;
}

async function placeAll(
  services: MigrateServices,
  open: OpenMove,
  at: { readonly rows: readonly PendingRow[]; readonly model: Model; readonly signal: AbortSignal },
): Promise<{ readonly done: readonly Done[]; readonly failures: readonly MoveFailure[] }> {
  const done: Done[] = [];
  const failures: MoveFailure[] = [];
  const waiting = at.rows.values();
  const lane = async (): Promise<void> => {
    for (const row of waiting) {
      try {
        done.push({ open, row, placed: await placeRow(services, open, { ...at, row }) });
      } catch (error) {
        if (!isServiceError(error) || !faultsOfValues.has(error.code)) throw error;
        // Replaced or deleted while it was read, it is nobody's fault: the next pass looks again.
        if (await isUnchanged(services.db, open.move, row))
          failures.push({ key: row.key, message: error.message });
      }
    }
  };
  const lanes = await Promise.allSettled(
    Array.from({ length: at.rows.every(isSmall) ? smallAtOnce : largeAtOnce }, lane),
  );
  for (const ended of lanes) if (ended.status === "rejected") throw ended.reason;
  return { done, failures };
}

function isSmall({ meta, base64 }: PendingRow): boolean {
  const size = meta?.["size"];
  return base64 === undefined ? typeof size === "number" && size <= smallBytes : base64.length <= smallBytes;
}

async function placeRow(
  services: MigrateServices,
  { move, conversion }: OpenMove,
  { row, model, signal }: { readonly row: PendingRow; readonly model: Model; readonly signal: AbortSignal },
): Promise<Placed> {
  const { table, column } = move;
  const { meta } = row;
  // What lies in the field's store already stays the object that it is.
  if (move.isBetweenStores && meta !== undefined && isThere(move, meta)) return { kind: "json", json: meta };
  const entity = entityOf(model, table);
  const columns = new Map(entity?.columns.map((one) => [one.name, one]));
  const value = openStored({ registry: services.codecs, objects: services.objects }, conversion.from, row);
  const key = table.key.map((name): readonly [string, string] => {
    const [text, type] = [row.key[name] ?? "", columns.get(name)];
    return [name, type === undefined ? text : pathText(type, text)];
  });
  const where = { schema: table.schema, table: table.name, column: column.name };
  const field = `${table.entity}.${columns.get(column.name)?.field ?? column.name}`;
  return place(services, conversion, { value, place: { ...where, field, key, signal } });
}

function isThere({ target }: CodecMove, { store }: JsonObject): boolean {
  return (
    store === target.store ||
    (target.isDefaultStore && (store === "" || store === undefined || store === null))
  );
}

/** Writes copies; those that lost a race are left. */
async function writeAll(services: MigrateServices, done: readonly Done[]): Promise<void> {
  if (done.length === 0) return;
  try {
    await services.db.transaction((transaction) => writeIn(services, transaction, done));
  } catch (error) {
    if (!isServiceError(error) || !races.has(error.code)) throw error;
  }
}

async function writeIn(
  { objects }: MigrateServices,
  transaction: Transaction,
  done: readonly Done[],
): Promise<number> {
  const written = new Map<string, number>();
  for (const { open, row, placed } of inOrder(done)) {
    const copy =
      placed.kind === "row"
        ? placed.bytes
        : placed.kind === "json"
          ? placed.json
          : placed.jsonOf(await objects.writer.publish(transaction, placed.staged));
    if (await writeCopy(transaction, open.move, { ...row, copy }))
      written.set(open.id, (written.get(open.id) ?? 0) + 1);
  }
  for (const [id, count] of written) await countCopied(transaction, id, count);
  return [...written.values()].reduce((sum, count) => sum + count, 0);
}

/** Locks on objects are taken in the order of their locators, by everybody. */
function inOrder(done: readonly Done[]): readonly Done[] {
  const locator = ({ placed }: Done): Buffer =>
    Buffer.from(placed.kind === "store" ? placed.staged.locator : "");
  return done.toSorted((a, b) => Buffer.compare(locator(a), locator(b)));
}

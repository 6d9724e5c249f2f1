/** The store driver contract, public as `holdfast/store`. Paths are relative to the store's location, with `/`, canonical. */

import { type ErrorCode, type ErrorDetails, ServiceError } from "../errors.ts";

export interface ObjectHead {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  readonly versionId?: string;
  /** SHA-256 that the store itself has taken of all the bytes it has, 64 hex digits; from `put`, where the store tells one. */
  readonly sha256?: string;
}

export interface GetOptions {
  /** Half open, in bytes. An `end` beyond the object means its end; a `start` beyond it is RANGE_NOT_SATISFIABLE. */
  readonly range?: { readonly start: number; readonly end: number };
  /** One version of a versioned store, hidden ones too; one that is not there is absent. */
  readonly versionId?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface CopyOptions {
  /** One version of the source, where the store keeps versions. */
  readonly versionId?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface PutOptions {
  /** Known size; fewer or more bytes are UPLOAD_MISMATCH and nothing is kept under the key. */
  readonly sizeBytes?: number;
  /** Known digest, 64 hex digits; other bytes are UPLOAD_MISMATCH and nothing is kept under the key. */
  readonly sha256?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface DeleteOptions {
  /** One version of a versioned store; without it the newest is hidden by a marker. */
  readonly versionId?: string;
  /** After this moment nothing is deleted any more, by the clock of the store where it has one: CONFLICT, or STORE_UNAVAILABLE from the store. */
  readonly expiresAt?: Date;
  readonly signal?: AbortSignal | undefined;
}

export interface MoveOptions {
  /** After this moment nothing is moved any more: CONFLICT. */
  readonly expiresAt?: Date;
  readonly signal?: AbortSignal | undefined;
}

export interface PresignOptions {
  /** 300 at most. */
  readonly expiresInSeconds: number;
  /** The `Content-Disposition` that the answer will have, and no other. */
  readonly disposition: string;
}

/** One part that somebody may send. */
export interface PartRequest {
  /** From 1. */
  readonly number: number;
  readonly sizeBytes: number;
  /** 900 at most. */
  readonly expiresInSeconds: number;
}

/** A part that has arrived. */
export interface StoredPart {
  readonly number: number;
  readonly sizeBytes: number;
  /** The store's own name for these bytes; not a digest. */
  readonly tag: string;
}

/** An upload that was begun and neither completed nor aborted. */
export interface OpenMultipart {
  readonly path: string;
  readonly uploadId: string;
  readonly startedAt: Date;
}

/** Uploads whose parts others send to the store itself. Nothing is visible under the key, and part URLs live, until `complete`. */
export interface MultipartAbility {
  begin(path: string, signal?: AbortSignal): Promise<string>;
  /** A URL for one PUT of exactly that many bytes. */
  partUrl(path: string, uploadId: string, part: PartRequest): Promise<string>;
  /** What has arrived, by number. @throws {NOT_FOUND} for an upload that is not open: completed, aborted, or dropped by the store. */
  parts(path: string, uploadId: string, signal?: AbortSignal): Promise<StoredPart[]>;
  /**
   * Makes the object of these parts. When the answer is lost, `head` tells whether it happened.
   * @throws {NOT_FOUND} for an upload that is not open, {UPLOAD_MISMATCH} when a part is not, or no longer, as `parts` told.
   */
  complete(
    path: string,
    uploadId: string,
    options: { readonly parts: readonly StoredPart[]; readonly signal?: AbortSignal },
  ): Promise<void>;
  /** Drops the parts; one that is gone already is fine. */
  abort(path: string, uploadId: string, signal?: AbortSignal): Promise<void>;
  /** Uploads whose path begins with `prefix`. Some stores know whole paths only, and tell nothing of shorter prefixes. */
  open(prefix: string, signal?: AbortSignal): AsyncIterable<OpenMultipart>;
}

/** A piece of an unfinished object. */
export interface Piece {
  /** From 1. */
  readonly number: number;
  readonly sizeBytes: number;
  /** What `write` answered for it; `""` where the store needs none. */
  readonly tag: string;
}

/** An object on its way that one writer after another goes on with. */
export interface Unfinished {
  readonly path: string;
  /** What `begin` answered. */
  readonly id: string;
  /** Of its writer, from 1 to 1,679,615; the next one has a higher one. */
  readonly epoch: number;
}

/**
 * Writing an object by several requests, over days and restarts. The caller remembers what was written; the store is never asked. Under the
 * key is nothing before `complete`.
 */
export interface ResumableAbility {
  /**
   * Bytes of piece `number` of an object of `sizeBytes`; the last one is shorter.
   * @throws {LIMIT_EXCEEDED} when the store takes no such piece.
   */
  pieceBytes(number: number, sizeBytes?: number): number;
  /** Whether any piece may be shorter. */
  readonly takesShortPieces: boolean;
  /** Whether a piece that was under way may reach the store after `discard`, so that it has to be asked again. */
  readonly arrivesLate: boolean;
  begin(path: string, epoch: number, signal?: AbortSignal): Promise<string>;
  /** Makes `epoch` the one that may write. What writers before it still send is refused, or is in no object. */
  take(unfinished: Unfinished, signal?: AbortSignal): Promise<void>;
  /**
   * Writes one piece, durable when it returns, in the place of what was there and was not remembered. Answers its tag.
   * @throws {OBJECT_MISSING} when the unfinished object is gone, or has another writer.
   */
  write(
    unfinished: Unfinished,
    piece: { readonly number: number; readonly offset: number; readonly bytes: Uint8Array },
    signal?: AbortSignal,
  ): Promise<string>;
  /**
   * Makes the object, of at least one piece; again is fine until `discard`.
   * @throws {STORE_CONFLICT} when the key has other bytes, {OBJECT_MISSING} when the unfinished object is gone.
   */
  complete(
    unfinished: Unfinished,
    whole: { readonly sizeBytes: number; readonly pieces: readonly Piece[] },
    signal?: AbortSignal,
  ): Promise<ObjectHead>;
  /** Drops the writing, not the object; again is fine. Without `id`: whatever was begun under the path and not remembered. */
  discard(unfinished: Omit<Unfinished, "id"> & { readonly id?: string }, signal?: AbortSignal): Promise<void>;
}

export interface TagOptions {
  /** One version of a versioned store; without it the newest. */
  readonly versionId?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Short notes on an object that the store's own rules can go by (life times, costs). Nothing in Holdfast depends on them. */
export interface TagAbility {
  /** Replaces all tags of an object. 10 at most; keys of 128 characters, values of 256. @throws {OBJECT_MISSING} when there is no such object. */
  set(path: string, tags: Readonly<Record<string, string>>, options?: TagOptions): Promise<void>;
  /** @throws {OBJECT_MISSING} when there is no such object. */
  get(path: string, options?: TagOptions): Promise<Record<string, string>>;
}

export interface ListOptions {
  /** Only paths that come after this one, in byte order. */
  readonly after?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A place for bytes. Absent is `undefined` from `head` and `get`; anything wrong throws a ServiceError. What a caller's body throws reaches
 * the caller unchanged. Every path is checked: BAD_USER_INPUT when it is not canonical. What lies in `_obj/` is the service's own. Optional
 * members are abilities that not every store has. Laws: `driverLaws` of `holdfast/store/testing`.
 */
export interface StoreDriver {
  readonly protocol: string;
  /** With `versionId` one version of a versioned store. */
  head(path: string, signal?: AbortSignal, versionId?: string): Promise<ObjectHead | undefined>;
  get(
    path: string,
    options?: GetOptions,
  ): Promise<{ head: ObjectHead; body: AsyncIterable<Uint8Array> } | undefined>;
  /**
   * Writes a new object, durable when it returns; half-written bytes are never visible under the key.
   * @throws {STORE_CONFLICT} when the key exists.
   */
  put(path: string, body: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<ObjectHead>;
  /**
   * Writes a new object with the bytes of another one, without bringing them here; as durable, as whole, and under the same rule as `put`.
   * @throws {STORE_CONFLICT} when `to` exists, {OBJECT_MISSING} when `from` does not.
   */
  copy(from: string, to: string, options?: CopyOptions): Promise<ObjectHead>;
  /**
   * Gives an object another path, without a second copy of its bytes; durable when it returns. A move that failed half-way has left the
   * bytes under one path or under both, and may be done again.
   * @throws {STORE_CONFLICT} when `to` has other bytes, {OBJECT_MISSING} when `from` has none.
   */
  move?(from: string, to: string, options?: MoveOptions): Promise<ObjectHead>;
  /** Every object whose path begins with `prefix`, in byte order of the path. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectHead>;
  /** Takes an object away; one that is absent is fine. */
  delete(path: string, options?: DeleteOptions): Promise<void>;
  /** Signs a deletion, sends it after it has expired, and answers whether the store refused it. */
  refusesLate?(path: string, signal?: AbortSignal): Promise<boolean>;
  /** A URL by which anybody can read one object from the store itself. */
  presign?(path: string, options: PresignOptions): Promise<string>;
  /** Every version that is kept of the objects whose path begins with `prefix`, hidden ones too; of one path the newest first. */
  versions?(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectHead>;
  readonly multipart?: MultipartAbility;
  readonly resumable: ResumableAbility;
  readonly tags?: TagAbility;
  /** @throws {STORE_UNAVAILABLE} when the location is missing or not what it was. */
  probe(signal?: AbortSignal): Promise<void>;
}

/** One configured store, DataJoint's keys. */
export interface StoreConfig {
  readonly name: string;
  readonly protocol: string;
  readonly location: string;
  readonly hashPrefix: string;
  readonly schemaPrefix: string;
  readonly filepathPrefix?: string;
  readonly subfolding?: readonly number[];
  readonly partitionPattern?: string;
  readonly tokenLength: number;
  /** Keys of the driver: endpoint, bucket, access_key… */
  readonly driver: Readonly<Record<string, unknown>>;
}

/** Whether the location of a store is the store that the database knows. */
export interface IdentityCheck {
  /** Looks now, and tells in one line. @throws {STORE_UNAVAILABLE} when another store, or none, lies there. */
  look(signal?: AbortSignal): Promise<string>;
  /** Takes the location as it is for the store from now on. @throws {CONFLICT} when it is another store of this database. */
  accept(signal?: AbortSignal): Promise<string>;
}

/** A configured store with its driver. */
export interface Store {
  readonly config: StoreConfig;
  readonly driver: StoreDriver;
  /** Absent where there is no database that could know. */
  readonly identity?: IdentityCheck;
}

/** All stores of a running service. */
export interface Stores {
  readonly all: ReadonlyMap<string, Store>;
  readonly defaultName: string | undefined;
  readonly filepathDefaultName: string | undefined;
  /** @throws {STORE_UNKNOWN} naming the configured ones. */
  get(name: string): Store;
}

/** The driver contract of this version. */
export const driverContract = 1;

/** A driver for stores of one protocol. Make one with {@link defineDriver}. */
export interface DriverPlugin {
  /** `protocol` in the configuration of its stores. */
  readonly protocol: string;
  /** Of the driver itself, from 1. */
  readonly version: number;
  /** The driver contract that it was written for ({@link driverContract}); absent: 1. */
  readonly contract?: number;
  /** One sentence for the system API. */
  readonly summary: string;
  /** Keys of a store's configuration beside the common ones; others are refused. `location` may be required too. */
  readonly keys?: { readonly required?: readonly string[]; readonly further?: readonly string[] };
  /** The driver of one store. An error says what is wrong with its configuration; the store is out of service then, alone. */
  open(config: StoreConfig): StoreDriver | Promise<StoreDriver>;
}

/** Checks and freezes a driver. @throws {CONFIG_INVALID} when its parts do not fit together. */
export function defineDriver(driver: DriverPlugin): DriverPlugin {
  if (!/^[a-z][a-z0-9+._-]*$/.test(driver.protocol))
    throw unfit(driver, "the protocol must match [a-z][a-z0-9+._-]*");
  if (!Number.isInteger(driver.version) || driver.version < 1)
    throw unfit(driver, "the version must be a whole number from 1");
  return Object.freeze(driver);
}

function unfit({ protocol }: DriverPlugin, what: string): ServiceError {
  return new ServiceError("CONFIG_INVALID", `Driver ${JSON.stringify(protocol)}: ${what}.`, {
    details: { field: "protocol", value: protocol },
  });
}

/** An error as the contract names it: `storeError("STORE_CONFLICT", "The key a/b exists.")`. */
export function storeError(code: ErrorCode, message: string, details: ErrorDetails = {}): ServiceError {
  return new ServiceError(code, message, { details });
}

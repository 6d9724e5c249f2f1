/** The store driver contract, public as `holdfast/store`. Paths are relative to the store's location, with `/`, canonical. */

export interface ObjectHead {
  readonly path: string;
  readonly sizeBytes: number;
  readonly modifiedAt: Date;
  readonly versionId?: string;
}

export interface GetOptions {
  /** Half open, in bytes. An `end` beyond the object means its end; a `start` beyond it is RANGE_NOT_SATISFIABLE. */
  readonly range?: { readonly start: number; readonly end: number };
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
  open(prefix: string, signal?: AbortSignal): AsyncIterable<OpenMultipart>;
}

export interface ListOptions {
  /** Only paths that come after this one, in byte order. */
  readonly after?: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A place for bytes. Absent is `undefined` from `head` and `get`; anything wrong throws a ServiceError. What a caller's body throws reaches
 * the caller unchanged. Every path is checked: BAD_USER_INPUT when it is not canonical. What lies in `_obj/` is the service's own. Optional
 * members are abilities that not every store has. Laws: `test/contract/store.ts`.
 */
export interface StoreDriver {
  readonly protocol: string;
  head(path: string, signal?: AbortSignal): Promise<ObjectHead | undefined>;
  get(
    path: string,
    options?: GetOptions,
  ): Promise<{ head: ObjectHead; body: AsyncIterable<Uint8Array> } | undefined>;
  /**
   * Writes a new object, durable when it returns; half-written bytes are never visible under the key.
   * @throws {STORE_CONFLICT} when the key exists.
   */
  put(path: string, body: AsyncIterable<Uint8Array>, options?: PutOptions): Promise<ObjectHead>;
  /** Every object whose path begins with `prefix`, in byte order of the path. */
  list(prefix: string, options?: ListOptions): AsyncIterable<ObjectHead>;
  /** Takes an object away; one that is absent is fine. */
  delete(path: string, options?: DeleteOptions): Promise<void>;
  /** Signs a deletion, sends it after it has expired, and answers whether the store refused it. */
  refusesLate?(path: string, signal?: AbortSignal): Promise<boolean>;
  /** A URL by which anybody can read one object from the store itself. */
  presign?(path: string, options: PresignOptions): Promise<string>;
  readonly multipart?: MultipartAbility;
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

/** A configured store with its driver. */
export interface Store {
  readonly config: StoreConfig;
  readonly driver: StoreDriver;
}

/** All stores of a running service. */
export interface Stores {
  readonly all: ReadonlyMap<string, Store>;
  readonly defaultName: string | undefined;
  readonly filepathDefaultName: string | undefined;
  /** @throws {STORE_UNKNOWN} naming the configured ones. */
  get(name: string): Store;
}

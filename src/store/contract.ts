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
  readonly signal?: AbortSignal | undefined;
}

export interface ListOptions {
  /** Only paths that come after this one, in byte order. */
  readonly after?: string;
  readonly signal?: AbortSignal | undefined;
}

/** What a driver can do beyond the minimum. */
export interface StoreCapabilities {
  /** Whether two parallel creates of one key leave exactly one winner. */
  readonly conditionalPut: "none" | "advisory" | "atomic";
  readonly versioned: boolean;
  /** Clients can be sent to the store itself. */
  readonly presign: boolean;
}

/**
 * A place for bytes. Absent is `undefined` from `head` and `get`; anything wrong throws a ServiceError. What a caller's body throws reaches
 * the caller unchanged. Every path is checked: BAD_USER_INPUT when it is not canonical. Laws: `test/contract/store.ts`.
 */
export interface StoreDriver {
  readonly protocol: string;
  readonly capabilities: StoreCapabilities;
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

/**
 * The contract of extensions, public as `holdfast/extend`.
 *
 * An extension is one file beside the schema file: it adds fields, root operations and types to the API, and hooks around its writes.
 * Everything else of the API stays compiled: an operation that selects none of an extension's fields runs as if there were none.
 */

/** Values by name, as GraphQL gives and takes them. */
export type Values = Readonly<Record<string, unknown>>;

/** Runs SQL. Values are sent as parameters `$1`, `$2`…; int8, numeric, dates, timestamps and json come back as text. */
export interface Sql {
  query<Row = Values>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number }>;
}

/** The generated API, for the same caller; in mutations and after-hooks inside the request's transaction. */
export interface InnerApi {
  /** The `data` of a document. @throws the first error of the answer. */
  data<Data = Values>(document: string, variables?: Values): Promise<Data>;
  /** The whole answer. Data may be there beside errors. */
  execute<Data = Values>(
    document: string,
    variables?: Values,
  ): Promise<{ readonly data: Data | null; readonly errors: readonly Error[] }>;
}

/** Reads rows of one table by key: all that are asked for in one turn of the event loop, in one statement. */
export interface RowLoader<Row = Values> {
  /** The row's scalar fields, `id` and `rowVersion` by their names in the API; null where there is none. A key is `{field: value}` or an `id`. */
  load(key: Values | string): Promise<Row | null>;
  loadMany(keys: readonly (Values | string)[]): Promise<(Row | null)[]>;
}

/** Random access to stored bytes. Ranges are half open, in bytes. */
export interface Bytes {
  readonly sizeBytes: number;
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
  stream(start?: number, end?: number, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** A stored value of a field with `@codec`. */
export interface StoredContent {
  /** The row's JSON about the value, where it has one. */
  readonly meta: Values | undefined;
  /** The value as its codec decodes it. */
  decode(): Promise<unknown>;
  /** The stored bytes. */
  bytes(): Promise<Bytes>;
  /** The files of a folder. */
  files(prefix?: string): AsyncIterable<{ readonly path: string; readonly sizeBytes: number }>;
  /** One file of a folder; undefined where there is none. */
  file(path: string): Promise<Bytes | undefined>;
}

/** Stored values, in the row or in a store. */
export interface Objects {
  /** Opens the value of `field`, named as `Recording.voltage`, in the row with this key; null where row or value is absent. */
  open(field: string, key: Values | string): Promise<StoredContent | null>;
}

/** Writes to the log of the service. */
export interface ExtensionLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** What every function of an extension gets. */
export interface ExtensionContext {
  /** In mutations and after-hooks the request's transaction; elsewhere read-only, each statement for itself. */
  readonly transaction: Sql;
  readonly api: InnerApi;
  /** The loader of a type with `@table`. */
  loader<Row = Values>(type: string): RowLoader<Row>;
  readonly objects: Objects;
  readonly principal: { readonly name: string; readonly rights: ReadonlySet<"READ" | "WRITE" | "ADMIN"> };
  /** Aborted when the client goes away or the time is over. */
  readonly signal: AbortSignal;
  readonly log: ExtensionLog;
}

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/**
 * A field of a table's type, or of a type of the extension's own. `needs` is a selection of generated fields of the same row, read by the
 * request's one statement; without it the row is its key. Of an own type's field the row is the object that was answered.
 */
export interface FieldResolver {
  readonly needs?: string;
  /** Answers one row. Calls for the rows of one answer run side by side. */
  resolve?(row: Values, args: Values, context: ExtensionContext): unknown;
  /** Answers all rows of an answer at once, in their order; an `Error` in the list is the error of its row. */
  resolveMany?(
    rows: readonly Values[],
    args: Values,
    context: ExtensionContext,
  ): Awaitable<readonly unknown[]>;
}

/** A field of Query or Mutation. */
export interface RootResolvers {
  readonly [field: string]: {
    // A method, so that a function may say more of its arguments than that they are values.
    bivariant(args: Values, context: ExtensionContext): unknown;
  }["bivariant"];
}

/** How rows come to be written. */
export interface CreateInfo {
  /** `create`: fails where the row is there. `upsert`: may turn out to be an update. `skip`: may leave the row that is there. */
  readonly how: "create" | "upsert" | "skip";
  /** True for rows inside the input of another row. */
  readonly nested: boolean;
}

/** An update before it happens. */
export interface UpdateChange {
  /** Of an update of one row. */
  readonly key?: Values;
  /** Of an update of many. */
  readonly where?: Values;
  /** As the API's patch; may be changed. */
  readonly set: Record<string, unknown>;
}

/** A row with its key, both by the names of the API's fields. */
export interface RowChange {
  readonly key: Values;
  /** Scalar fields before; absent for a row that was created. */
  readonly old?: Values;
  /** Scalar fields after; absent for a row that was deleted. */
  readonly row?: Values;
}

/** Hooks around the writes of one table through the API, whatever the mutation. */
export interface TableHooks {
  /** Before the transaction: look at the inputs, change them in place, or refuse. */
  beforeCreate?(
    inputs: readonly Record<string, unknown>[],
    context: ExtensionContext,
    info: CreateInfo,
  ): Awaitable<void>;
  /** Before the transaction: look at the patch, change `set` in place, or refuse. */
  beforeUpdate?(change: UpdateChange, context: ExtensionContext): Awaitable<void>;
  /** In the transaction, the rows locked, those that a cascade takes along included. */
  beforeDelete?(rows: readonly RowChange[], context: ExtensionContext): Awaitable<void>;
  /** In the transaction, behind all rows of the mutation field. */
  afterCreate?(rows: readonly RowChange[], context: ExtensionContext): Awaitable<void>;
  afterUpdate?(rows: readonly RowChange[], context: ExtensionContext): Awaitable<void>;
  afterDelete?(rows: readonly RowChange[], context: ExtensionContext): Awaitable<void>;
  /** After the commit, of everything that the request wrote here. Errors are logged; the answer does not wait. */
  afterCommit?(
    changes: {
      readonly created: readonly RowChange[];
      readonly updated: readonly RowChange[];
      readonly deleted: readonly RowChange[];
    },
    context: ExtensionContext,
  ): Awaitable<void>;
}

/** A whole extension. */
export interface Extension {
  /** SDL: types of your own, and `extend type` of tables' types, Query and Mutation. */
  readonly typeDefs?: string;
  /** Resolvers by type and field. */
  readonly fields?: Readonly<Record<string, Readonly<Record<string, FieldResolver>>>>;
  readonly query?: RootResolvers;
  readonly mutation?: RootResolvers;
  /** By the type of the table. */
  readonly hooks?: Readonly<Record<string, TableHooks>>;
}

/** Names the parts of an extension for TypeScript. What it says is checked against the schema when it is loaded. */
export function defineExtension(extension: Extension): Extension {
  return extension;
}

const refusal: unique symbol = Symbol.for("holdfast.refusal");

/** What {@link refuse} throws. */
export interface Refusal extends Error {
  readonly [refusal]: { readonly field?: string | undefined; readonly remedy?: string | undefined };
}

/** Refuses a request: the caller gets the message with the code `BAD_USER_INPUT`; in a mutation nothing is written. @throws always */
export function refuse(
  message: string,
  details: { readonly field?: string; readonly remedy?: string } = {},
): never {
  throw Object.assign(new Error(message), { name: "Refusal", [refusal]: details });
}

/** Whether an error is a refusal, also of another copy of this file. */
export function isRefusal(error: unknown): error is Refusal {
  return error instanceof Error && refusal in error;
}

/** What a refusal says besides its message. */
export function refusalDetails(error: Refusal): Refusal[typeof refusal] {
  return error[refusal];
}

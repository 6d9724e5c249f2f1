/**
 * Where the read side and the write side of the entity API meet.
 *
 * The schema (`src/api`, read side) tells for each mutation field what it does, in the field's `extensions.write`. Arguments are those of
 * `api.md` §2: `input` · `rows onConflict` · `key set ifVersion` · `where set atMost` · `input on` ·
 * `key ifVersion cascade` · `where atMost cascade dryRun` · createUpload `input` · completeUpload `id parts` · signUploadParts `id numbers path` ·
 * abortUpload `id` · importUpload `id url`; those of jobs are in `src/api/schema-sdl-jobs.ts`.
 * Fields of create inputs and patches are named as the model names them: `Column.field`, `Reference.field`, `Child.field`, `CodecList.field`;
 * fields of keys are `Column.field` of the key's columns. Enum inputs coerce to the GraphQL name (never to the stored text).
 * Scalars may coerce to: Int number · BigInt bigint, number or decimal string · Float number · Float64/Float32 number or "NaN" "Infinity" "-Infinity" ·
 * Decimal string · Date "YYYY-MM-DD" · DateTime RFC 3339 string or JavaScript Date · UUID string · JSON plain JSON · Bytes Uint8Array or base64 string.
 */

import type {
  FieldNode,
  FragmentDefinitionNode,
  GraphQLError,
  GraphQLFormattedError,
  GraphQLSchema,
  OperationDefinitionNode,
} from "graphql";
import type { CodecRegistry } from "../../codec/registry.ts";
import type { Database, Queryable, Transaction } from "../../db/contract.ts";
import type { RowChange } from "../../extend/contract.ts";
import type { Entity, Model } from "../../model/model.ts";
import type { Capabilities, ObjectReaderFactory, ObjectWriter, Uploads } from "../../object/contract.ts";
import type { Stores } from "../../store/contract.ts";
import type { WriteExtension } from "./extension.ts";
import type { Patience } from "./import-upload.ts";

/** What a field does with rows of one entity. */
export type RowWrite = "create" | "createMany" | "update" | "updateMany" | "upsert" | "delete" | "deleteMany";

/** What a field does with an upload. */
export type UploadWrite =
  | "createUpload"
  | "completeUpload"
  | "signUploadParts"
  | "abortUpload"
  | "importUpload";

/** What a field does with jobs. */
export type JobWrite =
  | "refreshJobs"
  | "reserveJob"
  | "heartbeatJob"
  | "completeJob"
  | "failJob"
  | "releaseJobs"
  | "ignoreJobs"
  | "resetJobs";

/** What a field of type Mutation does; the schema puts it into the field's `extensions.write`. */
export type WriteField =
  | { readonly kind: RowWrite; readonly entity: string }
  | { readonly kind: UploadWrite }
  | { readonly kind: JobWrite }
  /** A field of an extension, by its name as `Mutation.closeSession`. */
  | { readonly kind: "user"; readonly field: string };

/** A GraphQL document with its parts by name, its variables coerced. */
export interface OperationRequest {
  readonly schema: GraphQLSchema;
  readonly model: Model;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  /** As `getVariableValues` gives them. */
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: WriteContext;
}

/** Who asks, and how URLs begin. */
export interface WriteContext {
  readonly principal: {
    /** Name of the token, or "anonymous" on loopback. */
    readonly name: string;
    readonly rights: ReadonlySet<"READ" | "WRITE" | "ADMIN">;
  };
  /** Without a trailing slash: `http://127.0.0.1:4000`. */
  readonly baseUrl: string;
  readonly signal?: AbortSignal | undefined;
  /** Keeps the connection of a client that waits for long work. */
  readonly patience?: Patience | undefined;
  /** Set for operations that an extension runs inside another one. */
  readonly inside?: Inside;
  /** Where the client can take more than one result. */
  readonly live?: LiveSlot | undefined;
}

/** The operation around one that an extension runs. */
export interface Inside {
  /** Operations around, this one included. */
  readonly depth: number;
  /** Where the operation around writes. */
  readonly transaction?: Transaction;
  /** Takes what was written, to be told when the transaction around is committed. */
  readonly written?: (changes: readonly WrittenRows[]) => void;
}

/** Rows of one table as a mutation field changed them. */
export interface WrittenRows {
  readonly entity: Entity;
  readonly kind: "created" | "updated" | "deleted";
  readonly rows: readonly RowChange[];
}

/** Where the stream of a subscription is put; `after` is where the client says it has stopped, outside its operation. */
export interface LiveSlot {
  readonly after?: string | undefined;
  /** A request that must change nothing. */
  readonly isGet?: boolean | undefined;
  stream?: ResultStream;
}

/** One result of many, errors as clients see them; `cursor` where the stream can be gone on with from there. */
interface StreamedResult {
  readonly data?: Readonly<Record<string, unknown>> | null | undefined;
  readonly errors?: readonly GraphQLFormattedError[] | undefined;
  readonly cursor?: string | undefined;
}

/** Results until the client has enough, of whichever endpoint. */
export type ResultStream = AsyncIterableIterator<StreamedResult>;

/** Rows to read as a payload shows them. */
export interface ReadBackRequest {
  readonly entity: Entity;
  /** For each row the PostgreSQL text of its key columns, in the order of `entity.key`. */
  readonly keys: readonly (readonly string[])[];
  /** The payload's field nodes of one response name, for example every `session { … }`: their selection sets are merged. */
  readonly nodes: readonly FieldNode[];
  readonly request: OperationRequest;
  /** Response path of `nodes`, for errors: `["create", "session"]`. */
  readonly path: readonly (string | number)[];
}

/** Rows in the order of the keys, in the shape of the selection; null where a row is absent or failed. */
export interface ReadBackAnswer {
  readonly rows: readonly unknown[];
  readonly errors: readonly GraphQLError[];
}

/**
 * Reads rows inside the transaction that wrote them. What needs bytes from a store is read by the answered function, after the
 * commit, so that no transaction waits for a store.
 */
export type ReadBack = (
  transaction: Queryable,
  request: ReadBackRequest,
) => Promise<() => Promise<ReadBackAnswer>>;

/** What the write side stands on; made once in the composition root. */
export interface WriteServices {
  readonly db: Database;
  readonly codecs: CodecRegistry;
  readonly stores: Stores;
  readonly objects: {
    readonly writer: ObjectWriter;
    readonly reader: ObjectReaderFactory;
    readonly uploads: Uploads;
    readonly capabilities: Capabilities;
  };
  readonly readBack: ReadBack;
  readonly limits: WriteLimits;
  /** The viewer's row rules, as filters by the name of the entity; absent: everybody sees all rows. */
  readonly rules?: { of(context: WriteContext): Readonly<Record<string, unknown>> } | undefined;
  /** What an extension adds, where there is one. */
  readonly extension?: WriteExtension | undefined;
  /** Why nothing may be written, at the moment; `undefined` where it may. */
  readonly readOnly?: (() => string | undefined) | undefined;
}

/** Documented limits of writes. */
export interface WriteLimits {
  /** Rows in one request, nested ones included. */
  readonly rows: number;
  /** Tries of one request that loses a race. */
  readonly attempts: number;
}

/** Limits where nothing else is configured. */
export const defaultWriteLimits: WriteLimits = { rows: 100_000, attempts: 5 };

/** The answer to a mutation: `data` is null when a field failed, since then nothing was written. */
export interface MutationAnswer {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly GraphQLError[];
}

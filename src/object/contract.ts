/** What the API, HTTP and the system API know of objects. The protocol is `docs/architecture.md` and the migrations in `src/db`. */

import type { ByteReader, EncodedFile, StoredObject, StoredValue, TreeReader } from "../codec/contract.ts";
import type { Queryable, Transaction } from "../db/contract.ts";
import type { DerivedSubject } from "./derived-subject.ts";
import type { ImportCaller } from "./import-contract.ts";

/** Where a new object is to lie and what it is for. */
export interface StageRequest {
  readonly store: string;
  readonly addressing: "hash" | "schema";
  readonly schema: string;
  /** Stored table name, with prefix. */
  readonly table: string;
  /** Stored column name. */
  readonly column: string;
  /** Key columns and their canonical text (interop §9.2), in table order; empty where unknown. */
  readonly key: readonly (readonly [column: string, text: string])[];
  readonly ext?: string;
  readonly principal?: string;
  readonly signal?: AbortSignal | undefined;
}

/** A file of a folder that is read when it is written; repeatable. */
export interface CopiedFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly body: () => AsyncIterable<Uint8Array>;
}

/** Bytes to stage; repeatable. The files of a folder go to schema-addressed keys only. */
export type StageBody =
  | Uint8Array
  | (() => AsyncIterable<Uint8Array>)
  | readonly EncodedFile[]
  | readonly CopiedFile[];

/** Bytes that are in their store, verified, and wait for their transaction (integrity §4, after step 4). */
export interface StagedObject {
  readonly schema: string;
  readonly locator: string;
  readonly object: StoredObject;
  /** Absent: `object` is an existing one found by its digest, to be held again. */
  readonly uploadId?: string;
  readonly dedup?: string;
}

/** The write side of the protocol. */
export interface ObjectWriter {
  /** Steps 1–4: dedup hint, reserve, put, verify. Nothing refers to the bytes yet. */
  stage(request: StageRequest, body: StageBody): Promise<StagedObject>;
  /** Steps 1–4 for bytes that an upload has brought; the upload must be complete and made for this target. */
  stageUpload(uploadId: string, request: StageRequest): Promise<StagedObject>;
  /**
   * Step 5, in the transaction that writes the row: publishes new bytes or holds existing ones. Answers the object that the row
   * must name, which may be another one with the same content.
   * @throws {REFERENCE_CHANGED} when existing bytes went away meanwhile: roll back, stage again.
   */
  publish(transaction: Transaction, staged: StagedObject): Promise<StoredObject>;
  /**
   * The same by one statement for objects that have an `uploadId`, in the order given. `undefined`: one of them needs more than that, and
   * nothing was done; publish them one by one.
   */
  publishNew(
    transaction: Transaction,
    staged: readonly StagedObject[],
  ): Promise<readonly StoredObject[] | undefined>;
  /**
   * Step 6, when the answer to a commit was lost: whether the transaction that published `staged` was committed. `unknown` for existing
   * bytes that were held again: look for the row itself.
   */
  outcome(staged: StagedObject): Promise<"committed" | "rolled back" | "unknown">;
}

/** The read side. */
export interface ObjectReaderFactory {
  /**
   * Access to the object named by a row's JSON (a store of `""` is the default one). Opening touches no store; reading does, and compares
   * the object's size with `sizeBytes` where that is given.
   */
  open(meta: {
    readonly store: string;
    readonly path: string;
    readonly isTree?: boolean | undefined;
    readonly sizeBytes?: number | undefined;
  }): StoredValue;
  /**
   * With `isRead` and a size nothing is asked of the store before the first bytes are: the errors are then the reading's.
   * @throws {OBJECT_MISSING} when absent, {OBJECT_CORRUPT} when not of the size expected, {STORE_UNAVAILABLE} when nobody can tell.
   */
  file(
    store: string,
    path: string,
    expected?: { readonly sizeBytes?: number; readonly isRead?: boolean },
  ): Promise<ByteReader>;
  tree(store: string, path: string): TreeReader;
}

/**
 * What a capability in a URL stands for. The URL's path is made by `dataPath` (`src/object/data-path.ts`): a folder has exactly one
 * segment, its name, between the capability and the paths of its files.
 */
export type CapabilitySubject =
  /** An object: locator with its generation. `skip`: bytes before the content (attach). */
  | {
      readonly kind: "object";
      readonly locator: string;
      readonly gen: string;
      readonly isTree: boolean;
      readonly sha256?: string;
      readonly skip?: number;
      /** Of the whole object as recorded; bytes of another size are not served. */
      readonly sizeBytes?: number;
    }
  /** A value in the row, or of the user's own files: table + key + column. */
  | {
      readonly kind: "field";
      readonly schema: string;
      readonly table: string;
      readonly column: string;
      readonly key: readonly (readonly [string, string])[];
    }
  /** What a codec makes of an object when it is read. */
  | DerivedSubject
  /** The right to send bytes to one upload. */
  | { readonly kind: "upload"; readonly id: string };

/** Signs and checks capabilities (HMAC-SHA-256, keys in PostgreSQL, revocable by key id). */
export interface Capabilities {
  /** URL-safe text. `expiresInSeconds`: 1 h by default, 7 d at most. */
  sign(subject: CapabilitySubject, options?: { readonly expiresInSeconds?: number }): string;
  /** @throws {NOT_FOUND} for a bad or foreign signature, {UPLOAD_EXPIRED} never: an expired one is FORBIDDEN with the time. */
  verify(capability: string): CapabilitySubject;
}

/** A file of a folder, as declared before it is sent. */
export interface DeclaredFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly sizeBytes: string;
  /** 64 hex digits. */
  readonly sha256?: string;
  /** Send it in about so many parts, straight to the store, where the store takes any. */
  readonly parts?: number;
}

/** What a caller asked of `createUpload`. */
export interface UploadRequest {
  readonly target: StageRequest;
  /** GraphQL names of the target, for messages and for the check at consumption: `Recording.traces`. */
  readonly field: string;
  readonly kind: "FILE" | "TREE";
  readonly filename: string;
  readonly mediaType?: string;
  /** Bytes, without the codec's prefix. */
  readonly sizeBytes?: string;
  /** 64 hex digits of the content. */
  readonly sha256?: string;
  /** Put before the content (attach). */
  readonly prefix?: Uint8Array;
  /** Send a file in about so many parts, straight to the store, where the store takes any; needs `sizeBytes`. */
  readonly parts?: number;
  /** The files of a folder: exactly these must arrive. */
  readonly files?: readonly DeclaredFile[];
}

/** One part of a file that its sender puts into the store itself. */
export interface UploadPart {
  /** From 1. */
  readonly number: number;
  readonly sizeBytes: number;
  /** For one PUT of exactly that many bytes; absent where none was signed. */
  readonly url?: string;
  readonly expiresAt?: Date;
  readonly isReceived: boolean;
}

/** A declared file of a folder and what is known of it without asking the store. */
export interface UploadFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** Absent: it is PUT to `url/path`. */
  readonly partCount?: number;
  readonly isReceived: boolean;
}

/** An upload as its caller sees it. */
export interface UploadState {
  readonly id: string;
  readonly kind: "FILE" | "TREE";
  /** `VERIFYING`: the service is at it; `USED`: a row has it; `EXPIRED`: too old, aborted, or refused for good. */
  readonly state: "OPEN" | "RECEIVED" | "VERIFYING" | "COMPLETE" | "USED" | "EXPIRED";
  /** Content received, without the codec's prefix. */
  readonly receivedBytes: string;
  readonly expiresAt: Date;
  /** As the caller named the target: `Recording.traces`. */
  readonly field: string;
  readonly filename: string;
  readonly mediaType?: string;
  /** Of a file that goes by parts. */
  readonly parts?: readonly UploadPart[];
  /** Of a folder whose files were declared. */
  readonly files?: readonly UploadFile[];
}

/** Who works on an upload. */
export interface UploadCaller {
  readonly principal?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How far a resumable upload has come. */
export interface ResumeState {
  /** Bytes of the content that are durable; the next request begins here. */
  readonly offset: number;
  /** Of the content, where it was declared. */
  readonly sizeBytes?: number;
  readonly expiresAt: Date;
  readonly filename: string;
}

/** One request of a resumable upload. */
export interface AppendRequest {
  readonly offset: number;
  /** Where it throws, what came before is kept, unless there is a checksum. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Length of the body, where it is known. */
  readonly bodyBytes?: number;
  /** Of the whole content, for uploads that were made without. */
  readonly sizeBytes?: number;
  /** Of the body; other bytes are UPLOAD_MISMATCH and leave the offset as it was. */
  readonly checksum?: { readonly algorithm: "md5" | "sha1" | "sha256"; readonly digest: Uint8Array };
}

/** Uploads of one file by several requests, one at a time, through restarts of either side. */
export interface ResumableUploads {
  progress(id: string): Promise<ResumeState>;
  /**
   * Takes bytes; the last one makes the upload RECEIVED, as {@link Uploads.receive} does.
   * @throws {CONFLICT} for another offset than the upload's, and (423) while another request sends.
   */
  append(id: string, request: AppendRequest): Promise<ResumeState>;
  /** Ends an upload that no row has. */
  terminate(id: string): Promise<void>;
}

/** Uploads: a reserved key and a promise of bytes. */
export interface Uploads {
  readonly resumable: ResumableUploads;
  /** The first parts come with their URLs. */
  create(request: UploadRequest): Promise<UploadState>;
  get(id: string, queryable?: Queryable): Promise<UploadState>;
  /** With the parts that have arrived, of a file or of one file of a folder, and a folder's declared files. */
  progress(
    id: string,
    options?: { readonly path?: string; readonly signal?: AbortSignal },
  ): Promise<UploadState>;
  /** One file, or with `path` one file of a folder. Streams; the size and digest declared are checked. */
  receive(
    id: string,
    body: AsyncIterable<Uint8Array>,
    options: { path?: string; sizeBytes?: number; signal?: AbortSignal },
  ): Promise<UploadState>;
  /**
   * Fills a file's upload from a URL, by the same checks as a body that is sent. One import of an upload runs at a time; after a failure
   * another starts over, and a repeated call for what has been imported changes nothing.
   * @throws {IMPORT_REFUSED} when imports are off, {CONFLICT} while another import of it runs, and what `OpenRemote` throws.
   */
  import(id: string, url: string, caller: ImportCaller): Promise<UploadState>;
  /**
   * Signs URLs for parts, 100 at most in one call.
   * @throws {BAD_USER_INPUT} for numbers that are no parts, {UPLOAD_EXPIRED}, {FORBIDDEN} for an upload of somebody else.
   */
  signParts(
    id: string,
    parts: { readonly numbers: readonly number[]; readonly path?: string },
    caller?: UploadCaller,
  ): Promise<readonly UploadPart[]>;
  /**
   * Idempotent. Folders get their manifest here. What went by parts is put together and read back; while that lasts longer than a caller
   * waits, the answer is `VERIFYING`: complete it again. `tags`: what the store answered for parts, to be compared.
   */
  complete(
    id: string,
    options?: {
      readonly tags?: readonly { readonly number: number; readonly tag?: string }[];
      readonly signal?: AbortSignal;
    },
  ): Promise<UploadState>;
  /** Ends an upload that no row has; its parts are dropped, its bytes left to the collector. Idempotent. @throws {FORBIDDEN} for one of somebody else. */
  abort(id: string, caller?: UploadCaller): Promise<UploadState>;
}

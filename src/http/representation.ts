/** What a data URL serves: size, validators and bytes of one file, wherever it lies. */

import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { LRUCache } from "lru-cache";
import type { DerivedFiles } from "../api/derived-files.ts";
import type { ByteReader } from "../codec/contract.ts";
import { ServiceError } from "../errors.ts";
import type { CapabilitySubject, ObjectReaderFactory } from "../object/contract.ts";
import type { DerivedSubject } from "../object/derived-subject.ts";
import type { ObjectHead, Stores } from "../store/contract.ts";
import type { FieldContent, FieldReader } from "./field-reader.ts";
import { listedFiles } from "./manifest.ts";
import type { Validators } from "./precondition.ts";

/** One file that can be served. */
export interface Representation {
  readonly validators: Validators;
  /** The content's own name, where the bytes tell it. */
  readonly filename?: string;
  /** False for files that their owner may change at any time. */
  readonly immutable: boolean;
  /** Asked for when something of it is to be told: what a codec makes is made now. */
  content(signal: AbortSignal): Promise<Content>;
}

/** What a file holds. Offsets are within it. */
export interface Content {
  readonly sizeBytes: number;
  stream(start: number, end: number, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/** What representations are made from. */
export interface DataParts {
  readonly reader: ObjectReaderFactory;
  readonly stores: Stores;
  readonly readField: FieldReader;
  readonly derived: DerivedFiles;
}

type ObjectSubject = Extract<CapabilitySubject, { kind: "object" }>;

/** Opens what `subject` stands for; `segments` are those of the URL behind the capability. */
export type OpenData = (
  subject: CapabilitySubject,
  segments: readonly string[],
  /** `isRead`: bytes are asked for, whatever the validators are, so that the store need not be asked before. */
  asked: { readonly signal: AbortSignal; readonly isRead: boolean },
) => Promise<Representation>;

/** Makes the opener. It keeps the manifests of folders that were asked for files they do not have. */
export function createDataOpener(parts: DataParts): OpenData {
  const manifests = new LRUCache<string, ReadonlySet<string>>({ max: 64 });
  return async (subject, segments, { signal, isRead }) => {
    switch (subject.kind) {
      case "object":
        return subject.isTree
          ? await openTreeFile(subject, { parts, segments, manifests, signal })
          : await openFile(subject, parts, isRead);
      case "field":
        return await openField(await parts.readField(subject, signal), { parts, segments, signal });
      case "derived":
        return derivedFile(subject, parts.derived);
      case "upload":
        throw notFound("This URL takes bytes, it gives none.");
    }
  };
}

/** The object may be gone meanwhile; what was made of these very bytes is still right. */
function derivedFile(subject: DerivedSubject, derived: DerivedFiles): Representation {
  return {
    validators: { etag: `W/"${derived.tagOf(subject)}"` },
    filename: subject.filename,
    immutable: true,
    async content(signal) {
      const bytes = await derived.read(subject, signal);
      return { sizeBytes: bytes.length, stream: (start, end) => Readable.from([bytes.subarray(start, end)]) };
    },
  };
}

async function openFile(subject: ObjectSubject, parts: DataParts, isRead: boolean): Promise<Representation> {
  const { store, path } = placeOf(subject.locator);
  const { sizeBytes } = subject;
  const start = subject.skip ?? 0;
  const expected = sizeBytes === undefined ? {} : { sizeBytes, isRead: isRead && sizeBytes > start };
  const bytes = await parts.reader.file(store, path, expected);
  const skipped = start === 0 ? "" : `-skip${start}`;
  const tag = subject.sha256 === undefined ? `${subject.gen}-${bytes.sizeBytes}` : `sha256:${subject.sha256}`;
  return contentOf(bytes, { start, validators: { etag: `"${tag}${skipped}"` }, immutable: true });
}

interface TreeRequest {
  readonly parts: DataParts;
  readonly segments: readonly string[];
  readonly manifests: LRUCache<string, ReadonlySet<string>>;
  readonly signal: AbortSignal;
}

async function openTreeFile(subject: ObjectSubject, request: TreeRequest): Promise<Representation> {
  const { store, path } = placeOf(subject.locator);
  const relative = relativePath(request.segments);
  const bytes = await request.parts.reader.tree(store, path).file(relative, request.signal);
  if (bytes === undefined) {
    await refuseLostFile(subject, relative, request);
    throw notFound(`The folder has no file ${JSON.stringify(relative)}.`);
  }
  // Paths may hold characters that an ETag may not.
  const place = createHash("sha256").update(relative).digest("hex").slice(0, 16);
  const etag = `"${subject.gen}-${place}-${bytes.sizeBytes}"`;
  return contentOf(bytes, { start: 0, validators: { etag }, immutable: true });
}

/** A file that the folder was written with is lost, not absent: a reader must not take it for an empty chunk. */
async function refuseLostFile(subject: ObjectSubject, relative: string, request: TreeRequest): Promise<void> {
  const key = `${subject.locator} ${subject.gen}`;
  const listed =
    request.manifests.get(key) ??
    (await listedFiles(placeOf(subject.locator), request.parts, request.signal));
  request.manifests.set(key, listed);
  if (!listed.has(relative)) return;
  throw new ServiceError(
    "OBJECT_MISSING",
    `The folder was written with ${JSON.stringify(relative)}, which its store no longer has.`,
    {
      details: { value: relative, remedy: "Restore the file from the trash or a backup; see: holdfast fsck" },
    },
  );
}

interface FieldRequest {
  readonly parts: DataParts;
  readonly segments: readonly string[];
  readonly signal: AbortSignal;
}

async function openField(field: FieldContent, request: FieldRequest): Promise<Representation> {
  if (field.kind === "bytes") {
    const { start, filename } = await field.content(field.bytes);
    const etag = `"sha256:${field.sha256}${start === 0 ? "" : `-skip${start}`}"`;
    return contentOf(field.bytes, { start, validators: { etag }, immutable: false, ...named(filename) });
  }
  const path = field.isTree ? `${field.path}/${relativePath(request.segments)}` : field.path;
  const head = await request.parts.stores.get(field.store).driver.head(path, request.signal);
  if (head === undefined)
    throw field.isTree ? notFound("The folder has no such file.") : lostFile(field.store, path);
  const bytes = changeableBytes(field.store, head, request.parts.stores);
  const { start, filename } = field.isTree ? { start: 0 } : await field.content(bytes);
  const validators = { etag: weakTag(head), modifiedAt: head.modifiedAt };
  return contentOf(bytes, { start, validators, immutable: false, ...named(filename) });
}

function named(filename: string | undefined): { readonly filename?: string } {
  return filename === undefined ? {} : { filename };
}

function weakTag(head: ObjectHead): string {
  return `W/"${head.versionId ?? `${head.sizeBytes}-${head.modifiedAt.getTime()}`}"`;
}

/** Bytes of a file that its owner may change: what is read must still be what was looked at. */
function changeableBytes(store: string, head: ObjectHead, stores: Stores): ByteReader {
  const { path, sizeBytes } = head;
  async function* stream(start = 0, end = sizeBytes, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const found = await stores.get(store).driver.get(path, { range: { start, end }, signal });
    if (found === undefined) throw lostFile(store, path);
    if (weakTag(found.head) !== weakTag(head)) {
      throw new ServiceError(
        "REFERENCE_CHANGED",
        `The file ${JSON.stringify(path)} changed while it was being read.`,
      );
    }
    yield* found.body;
  }
  const read = async (start: number, end: number, signal?: AbortSignal): Promise<Uint8Array> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of stream(start, end, signal)) pieces.push(piece);
    return Buffer.concat(pieces);
  };
  return { sizeBytes, read, stream };
}

function contentOf(
  bytes: ByteReader,
  about: Omit<Representation, "content"> & { readonly start: number },
): Representation {
  const { start: offset, ...rest } = about;
  const sizeBytes = bytes.sizeBytes - offset;
  if (sizeBytes < 0)
    throw new ServiceError("OBJECT_CORRUPT", "The object is shorter than what precedes its content.");
  const stream: Content["stream"] = (start, end, signal) =>
    bytes.stream(offset + start, offset + end, signal);
  return { ...rest, content: async () => ({ sizeBytes, stream }) };
}

function relativePath(segments: readonly string[]): string {
  if (segments.length > 1) return segments.slice(1).join("/");
  throw notFound("This URL is a folder: put the path of one of its files behind it.");
}

function placeOf(locator: string): { readonly store: string; readonly path: string } {
  const colon = locator.indexOf(":");
  return { store: locator.slice(0, colon), path: locator.slice(colon + 1) };
}

function lostFile(store: string, path: string): ServiceError {
  return new ServiceError("OBJECT_MISSING", `The store ${store} does not have ${JSON.stringify(path)}.`, {
    details: { store, value: path },
  });
}

function notFound(message: string): ServiceError {
  return new ServiceError("NOT_FOUND", message);
}

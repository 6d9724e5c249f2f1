/**
 * Which documents clients may send: any text, digests of texts (APQ), ids from a manifest that was made with the clients, or only those.
 * Manifests are read in the shapes that build tools write:
 * @source https://www.apollographql.com/docs/kotlin/advanced/persisted-queries (`apollo-persisted-query-manifest`, version 1)
 * @source https://relay.dev/docs/guides/persisted-queries/ (an object from id to text; graphql-codegen's client preset writes the same)
 */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { ServiceError } from "../errors.ts";

/** Documents by id, and by the SHA-256 of their text in hex. */
export type DocumentManifest = ReadonlyMap<string, string>;

/** What clients may send. */
export interface DocumentPolicy {
  readonly manifest: DocumentManifest;
  /** Only documents of the manifest are answered. */
  readonly manifestOnly: boolean;
  /** Clients may register documents by sending them once with their digest. */
  readonly apq: boolean;
  readonly introspection: boolean;
}

/** Any document, APQ, introspection. */
export const openDocumentPolicy: DocumentPolicy = {
  manifest: new Map(),
  manifestOnly: false,
  apq: true,
  introspection: true,
};

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The policy that the environment sets: `HOLDFAST_DOCUMENTS` (a manifest, relative to `folder`), `HOLDFAST_DOCUMENTS_ONLY`, `HOLDFAST_APQ`,
 * `HOLDFAST_INTROSPECTION`.
 * @throws {CONFIG_INVALID} naming the setting.
 */
export async function documentPolicyFrom(environment: Environment, folder: string): Promise<DocumentPolicy> {
  const file = environment["HOLDFAST_DOCUMENTS"];
  const manifestOnly = isOn(environment, "HOLDFAST_DOCUMENTS_ONLY", false);
  if (manifestOnly && !file) {
    throw wrong("HOLDFAST_DOCUMENTS_ONLY", "on", "off where HOLDFAST_DOCUMENTS names no manifest");
  }
  return {
    manifest: file ? await readManifest(resolve(folder, file)) : new Map(),
    manifestOnly,
    apq: isOn(environment, "HOLDFAST_APQ", true) && !manifestOnly,
    introspection: isOn(environment, "HOLDFAST_INTROSPECTION", true),
  };
}

function isOn(environment: Environment, setting: string, usual: boolean): boolean {
  const text = environment[setting] || (usual ? "on" : "off");
  if (text === "on" || text === "off") return text === "on";
  throw wrong(setting, text, "on or off");
}

function wrong(setting: string, value: string, expected: string, cause?: unknown): ServiceError {
  return new ServiceError(
    "CONFIG_INVALID",
    `${setting} is ${JSON.stringify(value)}; it must be ${expected}.`,
    {
      details: { field: setting, value, remedy: `Set ${setting} to ${expected}.` },
      cause,
    },
  );
}

async function readManifest(file: string): Promise<DocumentManifest> {
  try {
    return parseManifest(JSON.parse(await readFile(file, "utf8")));
  } catch (cause) {
    const said = cause instanceof Error ? ` (${cause.message})` : "";
    throw wrong("HOLDFAST_DOCUMENTS", file, `a manifest of documents${said}`, cause);
  }
}

/** Reads a manifest in any of the shapes. @throws {CONFIG_INVALID} when it is in none, or an id stands for two documents. */
export function parseManifest(manifest: unknown): DocumentManifest {
  const documents = new Map<string, string>();
  for (const [id, text] of entriesOf(manifest)) {
    if (typeof id !== "string" || id === "" || typeof text !== "string")
      throw shapeless(`The entry ${JSON.stringify(id)} is no id with a document`);
    for (const name of [bare(id), digest(text)]) {
      if ((documents.get(name) ?? text) !== text) throw shapeless(`${name} stands for two documents`);
      documents.set(name, text);
    }
  }
  return documents;
}

function entriesOf(manifest: unknown): readonly (readonly [unknown, unknown])[] {
  if (Array.isArray(manifest)) return manifest.map(pairOf);
  if (!isRecord(manifest)) throw shapeless("The manifest is no object");
  const { format, version, operations } = manifest;
  if (format === undefined) return Object.entries(manifest);
  if (format !== "apollo-persisted-query-manifest" || version !== 1 || !Array.isArray(operations))
    throw shapeless(`The manifest's format is ${JSON.stringify(format)}, version ${JSON.stringify(version)}`);
  return operations.map((operation: unknown) =>
    isRecord(operation) ? [operation["id"], operation["body"]] : [undefined, undefined],
  );
}

/** Relay also writes a list of `[id, text]`. */
function pairOf(entry: unknown): readonly [unknown, unknown] {
  return Array.isArray(entry) && entry.length === 2 ? [entry[0], entry[1]] : [undefined, undefined];
}

function shapeless(what: string): ServiceError {
  return new ServiceError("CONFIG_INVALID", `${what}.`, {
    details: {
      field: "HOLDFAST_DOCUMENTS",
      remedy: 'Write {"id": "document", …}, or what generate-persisted-query-manifest writes.',
    },
  });
}

/** The parts of a request that name its document. */
export interface DocumentRequest {
  readonly query?: unknown;
  /** GraphQL over HTTP, graphql-codegen. */
  readonly documentId?: unknown;
  /** Relay. */
  readonly doc_id?: unknown;
  readonly extensions?: unknown;
}

/**
 * The text that answers for the request's id; `undefined` where the request goes on as it is.
 * @throws {FORBIDDEN} where only documents of the manifest are answered and it is none.
 */
export function documentOf(request: DocumentRequest, policy: DocumentPolicy): string | undefined {
  const { manifest, manifestOnly } = policy;
  const { query } = request;
  const id = documentIdOf(request);
  if (typeof query === "string" && query !== "") {
    if (!manifestOnly) return undefined;
    if (manifest.get(digest(query)) === query) return query;
    throw refused("The document is not among those that this server answers");
  }
  const text = id === undefined ? undefined : manifest.get(bare(id));
  if (text !== undefined || id === undefined || !manifestOnly || hashOf(request) !== undefined) return text;
  throw refused(
    `The document ${JSON.stringify(id.slice(0, 100))} is not among those that this server answers`,
  );
}

/** Apollo refuses these two as something unforeseen. @throws {BAD_REQUEST} */
export function checkPersisted({ query, extensions }: DocumentRequest): void {
  const persisted = isRecord(extensions) ? extensions["persistedQuery"] : undefined;
  if (!persisted) return;
  const version = isRecord(persisted) ? persisted["version"] : undefined;
  if (version !== 1) {
    throw unfit(
      "version",
      `extensions.persistedQuery.version is ${JSON.stringify(version)?.slice(0, 100)}; it must be 1`,
    );
  }
  if (typeof hashOf({ extensions }) !== "string")
    throw unfit("sha256Hash", "extensions.persistedQuery.sha256Hash is no string");
  if (typeof query !== "string" || query === "" || hashOf({ extensions }) === digest(query)) return;
  throw unfit("sha256Hash", "extensions.persistedQuery.sha256Hash is not the SHA-256 of the document in hex");
}

function unfit(field: string, message: string): ServiceError {
  return new ServiceError("BAD_REQUEST", `${message}.`, {
    details: { field: `extensions.persistedQuery.${field}` },
  });
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The id that a request gives. */
export function documentIdOf(request: DocumentRequest): string | undefined {
  const given = [request.documentId, request.doc_id, hashOf(request)];
  return given.find((id) => typeof id === "string" && id !== "") as string | undefined;
}

function hashOf({ extensions }: DocumentRequest): unknown {
  const persisted = isRecord(extensions) ? extensions["persistedQuery"] : undefined;
  return isRecord(persisted) ? persisted["sha256Hash"] : undefined;
}

function bare(id: string): string {
  return id.startsWith("sha256:") ? id.slice("sha256:".length) : id;
}

function refused(what: string): ServiceError {
  return new ServiceError("FORBIDDEN", `${what}; it takes no free text (HOLDFAST_DOCUMENTS_ONLY).`, {
    details: {
      setting: "HOLDFAST_DOCUMENTS_ONLY",
      remedy: "Add the document to the manifest that HOLDFAST_DOCUMENTS names, and start the server again.",
    },
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

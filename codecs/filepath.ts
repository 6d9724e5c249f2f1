/**
 * References to files and folders of the user's own in a store: nothing is copied, written or deleted. The file must be there when the row
 * is written; `status` tells whether it still is.
 *
 * @source DataJoint 2.3 `<filepath@store>`
 */

import {
  defineCodec,
  type Json,
  type JsonObject,
  type ReferContext,
  type ReferenceHead,
  type StoredValue,
} from "../src/codec/contract.ts";
import { isServiceError } from "../src/errors.ts";
import { invalid, shown } from "../src/format/fault.ts";
import { pathFault } from "../src/format/file-name.ts";
import { jsonFlag, jsonInstant, jsonInt8, jsonText } from "../src/format/json-column.ts";

/** Sections of every store that belong to the service. */
const ownSections = ["_trash", "_obj"];

export default defineCodec({
  name: "filepath",
  version: 1,
  summary: "References to files and folders of your own in a store; nothing is copied or deleted.",
  chain: { store: "json" },
  addressing: "external",
  apart: "never",
  output: "FileRef",
  input: "FileRefInput",
  typeDefs: `
"A value for a field of type FileRef: the path of an existing file or folder, relative to the store."
input FileRefInput @oneOf { path: String }

"Whether a referenced file is as it was when the row was written: PRESENT, CHANGED in size or time, or MISSING."
enum FileRefStatus { PRESENT CHANGED MISSING }
`,
  fields: {
    path: {
      type: "String",
      description: "Path relative to the store.",
      sql: { store: (column) => jsonText(column, "path") },
      filter: "String",
    },
    store: {
      type: "String",
      description: "Name of the store; null in rows of DataJoint that name the default one.",
      sql: { store: (column) => `nullif(${jsonText(column, "store")}, '')` },
      filter: "String",
    },
    sizeBytes: {
      type: "BigInt",
      description: "Size in bytes when the row was written; null for folders.",
      sql: { store: (column) => jsonInt8(column, "size") },
      filter: "BigInt",
    },
    isDirectory: {
      type: "Boolean",
      description: "True for a folder.",
      sql: { store: (column) => jsonFlag(column, "is_dir") },
      filter: "Boolean",
    },
    modifiedAt: {
      type: "DateTime",
      description:
        "When the file was last changed, as known when the row was written, else as the store says now.",
      sql: { store: (column) => jsonInstant(column, "modified_at") },
      filter: "DateTime",
      // Without zeros at the end of the fraction, as DateTime is answered.
      read: async (value) => (await headOf(value))?.modifiedAt?.toISOString().replace(/\.?0+Z$/, "Z") ?? null,
    },
    status: {
      type: "FileRefStatus",
      description: "Looks at the store now.",
      read: async (value): Promise<Json> => statusOf(value.meta ?? {}, await headOf(value)),
    },
  },
  encode() {
    throw invalid("A reference is given by its path; there are no bytes to write.");
  },
  async refer(input, context) {
    const path = checkedPath(input["path"], context);
    const head = await context.head(path);
    if (head === undefined) {
      throw invalid(`The store "${context.store}" has no file or folder ${shown(path)}.`, {
        value: path,
        remedy: "Put it there first; references are only written to what exists.",
      });
    }
    return {
      path,
      store: context.store,
      size: head.isDirectory ? null : (head.sizeBytes ?? null),
      is_dir: head.isDirectory,
      timestamp: context.now.toISOString().replace("Z", "+00:00"),
      ...(head.isDirectory || head.modifiedAt === undefined
        ? {}
        : { modified_at: head.modifiedAt.toISOString() }),
    };
  },
  exchange: { file: true },
  async decode(value): Promise<JsonObject> {
    return value.meta ?? {};
  },
});

function checkedPath(path: unknown, context: ReferContext): string {
  if (typeof path !== "string") throw invalid("A reference is given by its path.");
  const { hash, schema, filepath } = context.prefixes;
  const trimmed = (prefix: string) => prefix.replace(/^\/+|\/+$/g, "");
  const inside = (prefix: string) => path === prefix || path.startsWith(`${prefix}/`);
  const own = [...ownSections, trimmed(hash), trimmed(schema)].find(
    (prefix) => prefix !== "" && inside(prefix),
  );
  const below = trimmed(filepath ?? "");
  const fault =
    pathFault(path) ??
    (own === undefined ? undefined : `${own}/ belongs to the service`) ??
    (below === "" || path.startsWith(`${below}/`)
      ? undefined
      : `references of this store lie below ${below}/`);
  if (fault === undefined) return path;
  throw invalid(`The path ${shown(path)} cannot be referred to: ${fault}.`, {
    value: path,
    remedy: "Give the path relative to the store, for example session_1/raw.bin.",
  });
}

/** What the store says now. A reader that cannot look at files without opening them opens the file. */
async function headOf(value: StoredValue): Promise<ReferenceHead | undefined> {
  if (value.head !== undefined) return value.head();
  try {
    if (value.meta?.["is_dir"] !== true)
      return { isDirectory: false, sizeBytes: (await value.bytes()).sizeBytes };
    for await (const _file of (await value.tree()).entries()) return { isDirectory: true };
    return undefined;
  } catch (error) {
    if (isServiceError(error, "OBJECT_MISSING")) return undefined;
    throw error;
  }
}

function statusOf(meta: JsonObject, head: ReferenceHead | undefined): string {
  if (head === undefined) return "MISSING";
  if (head.isDirectory !== (meta["is_dir"] === true)) return "CHANGED";
  if (head.isDirectory) return "PRESENT";
  if (typeof meta["size"] === "number" && meta["size"] !== head.sizeBytes) return "CHANGED";
  const known = meta["modified_at"];
  const moved =
    typeof known === "string" && head.modifiedAt !== undefined && known !== head.modifiedAt.toISOString();
  return moved ? "CHANGED" : "PRESENT";
}

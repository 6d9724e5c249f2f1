/** Arrays and groups of a Zarr folder, by their paths. */

import { ServiceError } from "../errors.ts";
import { corrupt } from "./fault.ts";
import { pathFault } from "./file-name.ts";
import type { ZarrArray } from "./zarr-array.ts";
import { checkDocumentSize, entryOf, isObject, parseZarrJson, type ZarrObject } from "./zarr-json.ts";
import { arrayOfV2, arrayOfV3, attributesOf } from "./zarr-metadata.ts";

/** What is needed of a file; `ByteReader` of the codec contract fits. */
export interface ZarrFile {
  readonly sizeBytes: number;
  read(start: number, end: number, signal?: AbortSignal): Promise<Uint8Array>;
}

/** What is needed of a folder; `TreeReader` of the codec contract fits. */
export interface ZarrFolder {
  entries(options?: { prefix?: string; after?: string; signal?: AbortSignal }): AsyncIterable<{
    readonly path: string;
    readonly sizeBytes: number;
  }>;
  file(path: string, signal?: AbortSignal): Promise<ZarrFile | undefined>;
}

/** An array or a group. */
export type ZarrNode =
  | { readonly kind: "array"; readonly array: ZarrArray }
  | {
      readonly kind: "group";
      readonly format: 2 | 3;
      readonly attributes: ZarrObject;
      readonly document: ZarrObject;
    };

const documentNames = ["zarr.json", ".zarray", ".zgroup"] as const;

/** The array or group at a path, `""` for the root; `undefined`: there is neither. @throws {CODEC_CORRUPT} {LIMIT_EXCEEDED} */
export async function openZarrNode(
  folder: ZarrFolder,
  path: string,
  signal?: AbortSignal,
): Promise<ZarrNode | undefined> {
  for (const name of documentNames) {
    const document = await readDocument(folder, inside(path, name), signal);
    if (document === undefined) continue;
    if (name === "zarr.json") return nodeOfV3(document, path);
    const attributes = await readDocument(folder, inside(path, ".zattrs"), signal);
    return nodeOfV2(name, document, { path, attributes });
  }
  return undefined;
}

/** The array at a path. `undefined`: there is none, perhaps a group. */
async function openZarrArray(
  folder: ZarrFolder,
  path: string,
  signal?: AbortSignal,
): Promise<ZarrArray | undefined> {
  const node = await openZarrNode(folder, path, signal);
  return node?.kind === "array" ? node.array : undefined;
}

function inside(path: string, name: string): string {
  return path === "" ? name : `${path}/${name}`;
}

async function readDocument(
  folder: ZarrFolder,
  path: string,
  signal: AbortSignal | undefined,
): Promise<ZarrObject | undefined> {
  signal?.throwIfAborted();
  const file = await folder.file(path, signal);
  if (file === undefined) return undefined;
  checkDocumentSize(file.sizeBytes, path);
  return parseZarrJson(await file.read(0, file.sizeBytes, signal), path);
}

function nodeOfV3(document: ZarrObject, path: string): ZarrNode {
  if (entryOf(document, "zarr_format") !== 3) throw corrupt(`The zarr_format of a zarr.json is 3.`);
  const kind = entryOf(document, "node_type");
  if (kind === "array") return { kind, array: arrayOfV3(document, path) };
  if (kind !== "group") throw corrupt("The node_type is neither array nor group.");
  return { kind, format: 3, attributes: attributesOf(entryOf(document, "attributes")), document };
}

function nodeOfV2(
  name: ".zarray" | ".zgroup",
  document: ZarrObject,
  at: { readonly path: string; readonly attributes: ZarrObject | undefined },
): ZarrNode {
  if (name === ".zarray") return { kind: "array", array: arrayOfV2(document, at.path, at.attributes) };
  if (entryOf(document, "zarr_format") !== 2) throw corrupt("The zarr_format of a .zgroup is 2.");
  return { kind: "group", format: 2, attributes: at.attributes ?? {}, document };
}

/** Arrays that one folder may hold. */
const maxArrays = 10_000;

/** The folder as a whole: its version, and its arrays in the order of their paths. */
export interface ZarrHierarchy {
  readonly format: 2 | 3;
  readonly arrays: readonly ZarrArray[];
}

/** `undefined`: the folder is no Zarr. With `isTrusting` consolidated metadata are taken where they are, instead of a listing. */
export async function readHierarchy(
  folder: ZarrFolder,
  options: { readonly isTrusting: boolean; readonly signal?: AbortSignal | undefined },
): Promise<ZarrHierarchy | undefined> {
  const { signal } = options;
  const root = await openZarrNode(folder, "", signal);
  if (root === undefined) return undefined;
  if (root.kind === "array") return { format: root.array.format, arrays: [root.array] };
  const { format } = root;
  const told = options.isTrusting ? await consolidated(folder, root, signal) : undefined;
  const arrays = told ?? (await listed(folder, signal));
  return {
    format,
    arrays: arrays.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path))),
  };
}

async function listed(folder: ZarrFolder, signal: AbortSignal | undefined): Promise<ZarrArray[]> {
  const arrays: ZarrArray[] = [];
  const options = signal === undefined ? {} : { signal };
  for await (const { path } of folder.entries(options)) {
    const parent = /^(.+)\/(?:zarr\.json|\.zarray)$/.exec(path)?.[1];
    if (parent === undefined) continue;
    const array = await openZarrArray(folder, parent, signal);
    if (array !== undefined) arrays.push(array);
    checkCount(arrays.length);
  }
  return arrays;
}

async function consolidated(
  folder: ZarrFolder,
  root: ZarrNode & { readonly kind: "group" },
  signal: AbortSignal | undefined,
): Promise<ZarrArray[] | undefined> {
  const outer =
    root.format === 2
      ? await readDocument(folder, ".zmetadata", signal)
      : entryOf(root.document, "consolidated_metadata");
  const documents = entryOf(outer, "metadata");
  if (!isObject(documents)) return undefined;
  const found = Object.entries(documents);
  checkCount(found.length / 4);
  return found.flatMap(([key, document]) => {
    if (!isObject(document)) return [];
    const path = root.format === 3 ? key : key.replace(/(?:^|\/)\.zarray$/, "");
    const isArray = root.format === 3 ? entryOf(document, "node_type") === "array" : path !== key;
    if (!isArray || path === "") return [];
    if (pathFault(path) !== undefined)
      throw corrupt(`Consolidated metadata name an array ${JSON.stringify(path)}.`);
    if (root.format === 3) return [arrayOfV3(document, path)];
    const attributes = entryOf(documents, `${path}/.zattrs`);
    return [arrayOfV2(document, path, attributesOf(attributes))];
  });
}

function checkCount(count: number): void {
  if (count <= maxArrays) return;
  throw new ServiceError("LIMIT_EXCEEDED", `The folder holds more than ${maxArrays} arrays.`, {
    details: { limit: maxArrays },
  });
}

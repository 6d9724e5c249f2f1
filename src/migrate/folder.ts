/** Folders on their way from one place to another, and what tells two of them equal: the paths of their files and the digests of their bytes. */

import { createHash } from "node:crypto";
import type { ByteReader, StoredValue } from "../codec/contract.ts";
import { ServiceError } from "../errors.ts";
import type { CopiedFile } from "../object/contract.ts";
import { digestOf } from "../object/digest.ts";

/** The files of a folder, each read when it is written; `sum` is told when all were. @throws {OBJECT_MISSING} for a folder without files */
export async function copiedFolder(
  value: StoredValue,
  signal: AbortSignal | undefined,
): Promise<{ readonly files: readonly CopiedFile[]; readonly sum: () => string | undefined }> {
  const tree = await value.tree();
  const files: CopiedFile[] = [];
  const digests = new Map<string, string>();
  for await (const { path, sizeBytes } of tree.entries(signal === undefined ? {} : { signal })) {
    const body = async function* (): AsyncGenerator<Uint8Array> {
      const digest = createHash("sha256");
      for await (const chunk of (await open(tree, path, signal)).stream(0, sizeBytes, signal)) {
        digest.update(chunk);
        yield chunk;
      }
      digests.set(path, digest.digest("hex"));
    };
    files.push({ path, sizeBytes, body });
  }
  const sum = (): string | undefined => (digests.size === files.length ? sumOfDigests(digests) : undefined);
  return { files, sum };
}

/** The same of a folder that nobody copies. */
export async function sumOfFolder(value: StoredValue, signal: AbortSignal | undefined): Promise<string> {
  const tree = await value.tree();
  const digests = new Map<string, string>();
  for await (const { path } of tree.entries(signal === undefined ? {} : { signal })) {
    const reader = await open(tree, path, signal);
    digests.set(path, (await digestOf(reader.stream(0, reader.sizeBytes, signal), signal)).sha256);
  }
  return sumOfDigests(digests);
}

type Tree = Awaited<ReturnType<StoredValue["tree"]>>;

async function open(tree: Tree, path: string, signal: AbortSignal | undefined): Promise<ByteReader> {
  const reader = await tree.file(path, signal);
  if (reader !== undefined) return reader;
  throw new ServiceError("OBJECT_MISSING", `The folder has no file ${path} any more.`, {
    details: { value: path },
  });
}

/** Paths in one order, whoever lists them. */
function sumOfDigests(digests: ReadonlyMap<string, string>): string {
  const lines = [...digests].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return createHash("sha256").update(JSON.stringify(lines)).digest("hex");
}

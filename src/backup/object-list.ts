/** The objects of a backup, kept in a file of their own while they are read from the stores: the snapshot need not stay open for that long. */

import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { CopyTransaction } from "../db/copy.ts";
import { parseLocator } from "../object/locator.ts";
import { linesOf } from "./lines.ts";

/** One object of the snapshot. */
export interface ListedObject {
  readonly locator: string;
  readonly store: string;
  readonly path: string;
  readonly isTree: boolean;
  /** As recorded. */
  readonly sizeBytes?: number;
  /** As recorded, hex. */
  readonly sha256?: string;
}

/** Locators hold neither control characters nor backslashes, so COPY escapes nothing. By digest: equal content comes together. */
const listText = `COPY (SELECT locator, tree, coalesce(size::text, ''), coalesce(encode(sha256, 'hex'), '') FROM holdfast.object
  ORDER BY sha256, size, locator) TO STDOUT`;

export class ObjectList implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Writes down the objects of the transaction's moment, in the file `path`. */
  static async of(transaction: CopyTransaction, path: string): Promise<ObjectList> {
    const list = new ObjectList(path);
    await pipeline(
      Readable.from(transaction.copyOut(listText), { objectMode: false }),
      createWriteStream(list.#path, { mode: 0o600 }),
    );
    return list;
  }

  async *objects(): AsyncGenerator<ListedObject> {
    for await (const line of linesOf(createReadStream(this.#path))) yield objectOf(line);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#path, { force: true });
  }
}

function objectOf(line: string): ListedObject {
  const [locator = "", tree, size = "", sha256 = ""] = line.split("\t");
  const { store, path } = parseLocator(locator) ?? { store: "", path: "" };
  return {
    locator,
    store,
    path,
    isTree: tree === "t",
    ...(size !== "" && { sizeBytes: Number(size) }),
    ...(sha256 !== "" && { sha256 }),
  };
}

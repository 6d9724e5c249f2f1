/**
 * Tables of Arrow in a store: files (Feather 2) and streams; columns are read by range. The file is kept as it came; DataJoint sees it as
 * an object.
 *
 * @source https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
 */

import { defineCodec, type Json } from "../src/codec/contract.ts";
import { openArrow } from "../src/format/arrow.ts";
import { invalid } from "../src/format/fault.ts";
import { suffixOf } from "../src/format/file-name.ts";
import { objectRow } from "../src/format/object-row.ts";
import {
  inspectTable,
  sourceOf,
  tableBytes,
  tableFields,
  tableTypeDefs,
  unfoldedTable,
  wholeTable,
} from "../src/format/table-value.ts";

/** Endings that are kept; any other becomes `.arrow`. */
const known: readonly string[] = [".arrow", ".arrows", ".feather"];

export default defineCodec({
  name: "arrow",
  version: 1,
  summary: "Tables of Arrow, as files (Feather 2) or streams, in a store; columns are read by range.",
  chain: { store: "json" },
  addressing: "schema",
  peer: { store: "object" },
  output: "TableFile",
  input: "TableFileInput",
  typeDefs: tableTypeDefs,
  fields: tableFields(openArrow),
  unfoldedBytes: unfoldedTable,
  async encode(input) {
    const body = tableBytes(input);
    return { body, ext: extOf(body), meta: await inspectTable(openArrow, "Arrow", sourceOf(body)) };
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree)
        throw invalid(`"${filename}" is a folder.`, {
          remedy: "Upload one file of Arrow, or use the codec object.",
        });
      const ext = suffixOf(filename).toLowerCase();
      return { ext: known.includes(ext) ? ext : ".arrow" };
    },
    async inspect({ value }, { signal }) {
      return inspectTable(openArrow, "Arrow", await value.bytes(), signal);
    },
  },
  metadata: (object, meta) => ({ ...meta, ...objectRow(object) }),
  exchange: { file: true },
  async decode(value, { signal }): Promise<Json> {
    return wholeTable(openArrow, await value.bytes(), signal);
  },
});

/** Files begin with their name, streams with a message. */
function extOf(body: Uint8Array): string {
  return Buffer.from(body.subarray(0, 6)).toString("latin1") === "ARROW1" ? ".arrow" : ".arrows";
}

/**
 * Tables as Parquet files in a store: columns are read by range. The file is kept as it came; DataJoint sees it as an object.
 *
 * @source https://parquet.apache.org/docs/file-format/
 */

import { defineCodec, type Json } from "../src/codec/contract.ts";
import { invalid } from "../src/format/fault.ts";
import { objectRow } from "../src/format/object-row.ts";
import { openParquet } from "../src/format/parquet.ts";
import {
  inspectTable,
  sourceOf,
  tableBytes,
  tableFields,
  tableTypeDefs,
  unfoldedTable,
  wholeTable,
} from "../src/format/table-value.ts";

export default defineCodec({
  name: "parquet",
  version: 1,
  summary: "Tables as Parquet files in a store; columns are read by range.",
  chain: { store: "json" },
  addressing: "schema",
  peer: { store: "object" },
  output: "TableFile",
  input: "TableFileInput",
  typeDefs: tableTypeDefs,
  fields: tableFields(openParquet),
  unfoldedBytes: unfoldedTable,
  async encode(input) {
    const body = tableBytes(input);
    return { body, ext: ".parquet", meta: await inspectTable(openParquet, "Parquet", sourceOf(body)) };
  },
  upload: {
    begin({ filename, isTree }) {
      if (isTree)
        throw invalid(`"${filename}" is a folder.`, {
          remedy: "Upload one .parquet file, or use the codec object.",
        });
      return { ext: ".parquet" };
    },
    async inspect({ value }, { signal }) {
      return inspectTable(openParquet, "Parquet", await value.bytes(), signal);
    },
  },
  metadata: (object, meta) => ({ ...meta, ...objectRow(object) }),
  exchange: { file: true },
  async decode(value, { signal }): Promise<Json> {
    return wholeTable(openParquet, await value.bytes(), signal);
  },
});

/** Folders that the codec `zarr` writes by value, laid into a file store, as zarr-python and DataJoint read them. Installs zarr-python into `.cache/`. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import zarr from "../../codecs/zarr.ts";
import { installPython, must, python, run } from "./python.ts";

type Check = (name: string, test: () => void | Promise<void>) => Promise<void>;

const packages = ["numpy==2.4.6", "zarr==3.1.3"];

function equal(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    throw new Error(`got ${JSON.stringify(actual)}\nexpected ${JSON.stringify(expected)}`);
}

const bytes = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
const arrays: readonly { dtype: string; shape: number[]; bytes: Buffer }[] = [
  { dtype: "int16", shape: [2, 3], bytes: bytes(Int16Array.of(1, -2, 300, 0, 5, 32767)) },
  { dtype: "float64", shape: [], bytes: bytes(Float64Array.of(-0.5)) },
  { dtype: "float32", shape: [0, 4], bytes: Buffer.alloc(0) },
  { dtype: "bool", shape: [3], bytes: Buffer.from([1, 0, 1]) },
  { dtype: "complex64", shape: [1], bytes: bytes(Float32Array.of(1, Number.NaN)) },
  { dtype: "datetime64[25us]", shape: [2], bytes: bytes(BigInt64Array.of(7n, -(2n ** 63n))) },
  { dtype: "<U3", shape: [2], bytes: bytes(Uint32Array.of(97, 0, 0, 0xe9, 0x9f20, 0x1f600)) },
  { dtype: "|S4", shape: [2], bytes: Buffer.from("a\0\0\0wxyz") },
  // Several chunks, the last one shorter.
  {
    dtype: "float64",
    shape: [701, 500],
    bytes: bytes(Float64Array.from({ length: 350_500 }, (_, i) => i / 7)),
  },
];

/** Writes a value as the file store has it; answers the folder's path and the row's JSON. */
async function written(store: string, at: number): Promise<{ path: string; row: object }> {
  const { dtype, shape, bytes: data } = arrays[at] ?? { dtype: "", shape: [], bytes: Buffer.alloc(0) };
  const context = { schema: "lab", table: "t", field: "f", inStore: true, args: {} };
  const encoded = await zarr.encode({ base64: { dtype, shape, data: data.toString("base64") } }, context);
  const { files = [], meta = {} } = encoded;
  const path = `_schema/lab/t/id=${at}/f_12345678.zarr`;
  for (const file of files) {
    mkdirSync(dirname(join(store, path, file.path)), { recursive: true });
    writeFileSync(join(store, path, file.path), file.bytes);
  }
  const object = {
    ...{ store: "main", path, schema: "lab", isTree: true, itemCount: files.length, writtenAt: new Date() },
    sizeBytes: files.reduce((sum, file) => sum + file.bytes.length, 0),
  };
  return { path, row: zarr.metadata?.(object, meta) ?? {} };
}

export async function compareZarr(check: Check): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-zarr-"));
  const store = join(folder, "store");
  try {
    const reader = installPython("zarr-3.1.3", packages);
    const all = await Promise.all(arrays.map((_, at) => written(store, at)));
    await check("zarr.open reads what Holdfast wrote as Zarr", () => {
      const folders = all.map(({ path }) => join(store, path));
      const lines = must(
        "read_zarr.py",
        run(reader, [join(import.meta.dirname, "read_zarr.py"), ...folders]),
      );
      const found = lines.split("\n").filter((line) => line.startsWith("{"));
      equal(
        found.map((line) => JSON.parse(line)).map(({ dtype, shape, data }) => ({ dtype, shape, data })),
        arrays.map(({ dtype, shape, bytes: data }) => ({ dtype, shape, data: data.toString("base64") })),
      );
    });
    await check("DataJoint lists and downloads a folder of the codec zarr", () => {
      const [{ row } = { row: {} }] = all;
      const script = join(import.meta.dirname, "open_folder.py");
      const text = must(
        "open_folder.py",
        run(python, [script, store, JSON.stringify(row), join(folder, "down")]),
      );
      const found = JSON.parse(text.trim().split("\n").at(-1) ?? "{}");
      equal([found.isFolder, found.listed, found.files], [true, ["c", "zarr.json"], ["c/0/0", "zarr.json"]]);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

import { expect, it } from "vitest";
import { get, open, root } from "zarrita";
import zarr from "../../codecs/zarr.ts";

const encoding = { schema: "s", table: "t", field: "f", inStore: true, args: {} };

it.each([
  ["int16", [2, 3], [1, -1, 300, 0, 7, 8]],
  ["float64", [], [2.5]],
  ["float32", [700, 500], Array.from({ length: 350_000 }, (_, i) => i / 2)],
  ["uint8", [3, 1, 2], [1, 2, 3, 4, 5, 255]],
])("another reader of Zarr reads what we wrote: %s %j", async (dtype, shape, data) => {
  const { files = [] } = await zarr.encode(
    { values: { dtype, shape, data: shape.length === 0 ? data[0] : data } },
    encoding,
  );
  const store = new Map(files.map(({ path, bytes }) => [`/${path}` as const, Uint8Array.from(bytes)]));
  const array = await open(root(store), { kind: "array" });
  expect({ shape: array.shape, dtype: array.dtype }).toEqual({ shape, dtype });
  const whole = await get(array);
  expect(typeof whole === "object" && "data" in whole ? [...(whole.data as Float32Array)] : [whole]).toEqual(
    data,
  );
});

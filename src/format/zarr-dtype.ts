/**
 * Element types of Zarr: those of version 2 are numpy's, those of version 3 have names of their own.
 *
 * @source https://zarr-specs.readthedocs.io/en/latest/v3/data-types/index.html, https://github.com/zarr-developers/zarr-extensions
 */

import type { Dtype } from "./dtype.ts";
import { dtypeOfDescr, parseDtype } from "./dtype.ts";
import { corrupt, shown } from "./fault.ts";
import type { PythonLiteral } from "./python-literal.ts";
import { entryOf, isObject, type ZarrJson } from "./zarr-json.ts";

/** The element type, or the name of one that is not read. */
export type ZarrType = { readonly dtype: Dtype } | { readonly foreign: string };

const plain = /^(?:bool|u?int(?:8|16|32|64)|float(?:16|32|64)|complex(?:64|128))$/;
const textNames = ["fixed_length_utf32", "null_terminated_bytes", "numpy.datetime64", "numpy.timedelta64"];

/** A `data_type` of version 3; its elements are little-endian here, whatever the codec `bytes` does. */
export function dtypeOfV3(value: ZarrJson | undefined): ZarrType {
  const name = typeof value === "string" ? value : entryOf(value, "name");
  if (typeof name !== "string" || name.length > 200) throw corrupt(`${shownJson(value)} is no data type.`);
  if (plain.test(name)) return { dtype: parseDtype(name) };
  const raw = /^r([0-9]{1,8})$/.exec(name);
  if (raw !== null && Number(raw[1]) % 8 === 0 && Number(raw[1]) > 0) {
    return { dtype: parseDtype(`|V${Number(raw[1]) / 8}`) };
  }
  if (!textNames.includes(name)) return { foreign: name };
  const options = entryOf(value, "configuration");
  if (name === "fixed_length_utf32" || name === "null_terminated_bytes") {
    const size = entryOf(options, "length_bytes");
    const unit = name === "fixed_length_utf32" ? 4 : 1;
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || size % unit !== 0)
      throw corrupt(`${shownJson(value)} is no data type.`);
    return { dtype: tryDtype(unit === 4 ? `<U${size / 4}` : `|S${size}`) };
  }
  const [unit, factor] = [entryOf(options, "unit"), entryOf(options, "scale_factor") ?? 1];
  if (typeof unit !== "string" || typeof factor !== "number")
    throw corrupt(`${shownJson(value)} is no data type.`);
  const scale = factor === 1 ? "" : String(factor);
  const inUnit = unit === "generic" ? "" : `[${scale}${unit === "μs" ? "us" : unit}]`;
  return { dtype: tryDtype(`${name.slice("numpy.".length)}${inUnit}`) };
}

/** A `dtype` of version 2, as numpy writes it; records are lists. */
export function dtypeOfV2(value: ZarrJson | undefined): ZarrType {
  if (typeof value === "string") {
    if (/^[|<>=]?O[0-9]*$/.test(value)) return { foreign: "object" };
    return { dtype: tryDtype(value) };
  }
  if (!Array.isArray(value)) throw corrupt(`${shownJson(value)} is no dtype.`);
  try {
    return { dtype: dtypeOfDescr(literalOf(value, 0)) };
  } catch (cause) {
    throw corrupt(`${shownJson(value)} is no dtype.`, cause);
  }
}

/** A list of fields as the Python literal that `.npy` headers have: lists of tuples. */
function literalOf(value: ZarrJson, depth: number): PythonLiteral {
  if (typeof value === "string" || value === null) return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  if (isObject(value) || !isList(value)) throw corrupt("A field of a record is no list.");
  const items = value.map((item) => literalOf(item, depth + 1));
  return { kind: depth % 2 === 0 ? "list" : "tuple", items };
}

function isList(value: ZarrJson): value is readonly ZarrJson[] {
  return Array.isArray(value);
}

function tryDtype(text: string): Dtype {
  try {
    return parseDtype(text);
  } catch (cause) {
    throw corrupt(`${shown(text)} is no element type.`, cause);
  }
}

function shownJson(value: ZarrJson | undefined): string {
  return shown(
    JSON.parse(JSON.stringify(value ?? null, (_key, v) => (typeof v === "bigint" ? String(v) : v))),
  );
}

/** The `data_type` of version 3 for a type; `undefined`: it has none. */
export function dataTypeOf(type: Dtype): ZarrJson | undefined {
  const { kind, itemSizeBytes: size } = type;
  if (kind === "b") return "bool";
  const word = { i: "int", u: "uint", f: "float", c: "complex" }[kind as "i"];
  if (word !== undefined) {
    const name = `${word}${size * 8}`;
    return plain.test(name) ? name : undefined;
  }
  if (kind === "U") return { name: "fixed_length_utf32", configuration: { length_bytes: size } };
  if (kind === "S") return { name: "null_terminated_bytes", configuration: { length_bytes: size } };
  if (kind !== "M" && kind !== "m") return undefined;
  const parts = /^([0-9]*)([A-Za-z]+)$/.exec(type.unit ?? "generic");
  const configuration = { unit: parts?.[2] ?? "generic", scale_factor: Number(parts?.[1] || 1) };
  return { name: kind === "M" ? "numpy.datetime64" : "numpy.timedelta64", configuration };
}

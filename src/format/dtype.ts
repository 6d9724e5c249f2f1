/**
 * numpy's element types: text forms, sizes, byte order.
 *
 * @source https://numpy.org/doc/stable/reference/arrays.dtypes.html, `.interface.html` ("typestr")
 */

import { invalid, shown } from "./fault.ts";
import { type PythonLiteral, parsePythonLiteral, printPythonLiteral } from "./python-literal.ts";

/** numpy's kind letters: bool, int, unsigned, float, complex, datetime64, timedelta64, text (UCS-4), bytes, void or record. */
type DtypeKind = "b" | "i" | "u" | "f" | "c" | "M" | "m" | "U" | "S" | "V";

/** An element type. */
export interface Dtype {
  readonly kind: DtypeKind;
  readonly littleEndian: boolean;
  readonly itemSizeBytes: number;
  /** For `M` and `m`: `ms`, `25s`, or empty for the generic unit. */
  readonly unit?: string;
  /** For records: fields in order, packed. A name of `""` is padding. */
  readonly fields?: readonly DtypeField[];
}

/** One field of a record, repeated over `shape`. */
interface DtypeField {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly offsetBytes: number;
}

const sizes: Readonly<Record<DtypeKind, readonly number[] | undefined>> = {
  b: [1],
  i: [1, 2, 4, 8],
  u: [1, 2, 4, 8],
  f: [2, 4, 8, 16],
  c: [8, 16, 32],
  M: [8],
  m: [8],
  U: undefined,
  S: undefined,
  V: undefined,
};

const bitNames: Readonly<Record<string, DtypeKind>> = { int: "i", uint: "u", float: "f", complex: "c" };

/** Largest item a type may describe, in bytes: beyond it a size is an attack or a mistake. */
const maxItemBytes = 2 ** 31 - 1;

/**
 * Reads a type as numpy writes it: `<f8`, `float64`, `bool`, `>i4`, `<U12`, `|S6`, `datetime64[ms]`, `[('a', '<i4')]`.
 *
 * @throws {CODEC_INVALID_VALUE} for text that is no type, and for Python objects, which are never read.
 */
export function parseDtype(text: string): Dtype {
  if (text.startsWith("[")) return dtypeOfDescr(parseDescr(text));
  const long = /^(datetime64|timedelta64)(?:\[([0-9]*[A-Za-z]+)\])?$/.exec(text);
  if (long !== null) return timeDtype(long[1] === "datetime64" ? "M" : "m", long[2] ?? "", true);
  if (text === "bool") return dtype("b", true, 1);
  const named = /^(int|uint|float|complex)([0-9]{1,3})$/.exec(text);
  const namedKind = bitNames[named?.[1] ?? ""];
  if (named !== null && namedKind !== undefined) return sized(namedKind, true, Number(named[2]) / 8, text);
  const short = /^([<>|=]?)([biufcMmUSV])([0-9]{1,10})(?:\[([0-9]*[A-Za-z]+)\])?$/.exec(text);
  if (short === null) throw unknown(text);
  // The pattern admits exactly the kind letters.
  const kind = short[2] as DtypeKind;
  const little = short[1] !== ">";
  if ((kind === "M" || kind === "m") && Number(short[3]) === 8)
    return timeDtype(kind, short[4] ?? "", little);
  if (short[4] !== undefined) throw unknown(text);
  return sized(kind, little, Number(short[3]) * (kind === "U" ? 4 : 1), text);
}

function parseDescr(text: string): PythonLiteral {
  try {
    return parsePythonLiteral(text);
  } catch {
    throw unknown(text);
  }
}

/** Reads the `descr` of a `.npy` header. @throws {CODEC_INVALID_VALUE} when it is none. */
export function dtypeOfDescr(descr: PythonLiteral): Dtype {
  if (typeof descr === "string") return parseDtype(descr);
  if (descr === null || typeof descr !== "object" || descr.kind !== "list" || descr.items.length === 0) {
    throw unknown(printPythonLiteral(descr));
  }
  const fields: DtypeField[] = [];
  let offsetBytes = 0;
  for (const item of descr.items) {
    const field = fieldOfDescr(item, offsetBytes);
    const size = field.dtype.itemSizeBytes * field.shape.reduce((a, b) => a * b, 1);
    offsetBytes += size;
    if (offsetBytes > maxItemBytes) throw invalid(`A record of ${offsetBytes} bytes is too large.`);
    fields.push(field);
  }
  const names = fields.map((field) => field.name).filter((name) => name !== "");
  if (new Set(names).size !== names.length) throw unknown(printPythonLiteral(descr));
  return { kind: "V", littleEndian: true, itemSizeBytes: offsetBytes, fields };
}

function fieldOfDescr(item: PythonLiteral, offsetBytes: number): DtypeField {
  if (item === null || typeof item !== "object" || item.kind !== "tuple")
    throw unknown(printPythonLiteral(item));
  const [title, type, dims] = item.items;
  const name = typeof title === "object" && title !== null && title.kind === "tuple" ? title.items[1] : title;
  if (typeof name !== "string" || type === undefined || item.items.length > 3)
    throw unknown(printPythonLiteral(item));
  const dtype = dtypeOfDescr(type);
  // Any number of elements without bytes would fit into a record of any size.
  if (dtype.itemSizeBytes === 0 && dims !== undefined) throw unknown(printPythonLiteral(item));
  return { name, dtype, shape: dims === undefined ? [] : fieldShape(dims), offsetBytes };
}

function fieldShape(dims: PythonLiteral): number[] {
  const items =
    typeof dims === "bigint"
      ? [dims]
      : dims !== null && typeof dims === "object" && "items" in dims
        ? dims.items
        : [];
  return items.map((n) => {
    if (typeof n !== "bigint" || n < 1n || n > BigInt(maxItemBytes)) throw unknown(printPythonLiteral(dims));
    return Number(n);
  });
}

/** The type string that headers carry: `<f8`, `|b1`, `<U12`, `<M8[ms]`; for records the whole `descr`. */
export function descrOf(type: Dtype): string {
  if (type.fields !== undefined) return `[${type.fields.map(fieldDescr).join(", ")}]`;
  const count = type.kind === "U" ? type.itemSizeBytes / 4 : type.itemSizeBytes;
  const unit = type.unit ? `[${type.unit}]` : "";
  return `${orderMark(type)}${type.kind}${count}${unit}`;
}

function fieldDescr(field: DtypeField): string {
  const type = field.dtype.fields === undefined ? `'${descrOf(field.dtype)}'` : descrOf(field.dtype);
  const shape =
    field.shape.length === 0
      ? ""
      : `, ${printPythonLiteral({ kind: "tuple", items: field.shape.map(BigInt) })}`;
  return `(${printPythonLiteral(field.name)}, ${type}${shape})`;
}

/** numpy's `str(dtype)`: `float64`, `bool`, `>i4`, `<U2`, `|S6`, `datetime64[ms]`. */
export function dtypeName(type: Dtype): string {
  const plain = type.littleEndian && type.fields === undefined;
  if (!plain || type.kind === "U" || type.kind === "S" || type.kind === "V") return descrOf(type);
  if (type.kind === "b") return "bool";
  if (type.kind === "M" || type.kind === "m") {
    return (type.kind === "M" ? "datetime64" : "timedelta64") + (type.unit ? `[${type.unit}]` : "");
  }
  const word = { i: "int", u: "uint", f: "float", c: "complex" }[type.kind];
  return `${word}${type.itemSizeBytes * 8}`;
}

function orderMark(type: Dtype): string {
  const orderless = type.kind === "S" || type.kind === "V" || (type.itemSizeBytes === 1 && type.kind !== "U");
  if (orderless) return "|";
  return type.littleEndian ? "<" : ">";
}

function dtype(kind: DtypeKind, littleEndian: boolean, itemSizeBytes: number): Dtype {
  return {
    kind,
    littleEndian: littleEndian || itemSizeBytes === 1 || kind === "S" || kind === "V",
    itemSizeBytes,
  };
}

function sized(kind: DtypeKind, littleEndian: boolean, sizeBytes: number, text: string): Dtype {
  const allowed = sizes[kind];
  if (allowed !== undefined && !allowed.includes(sizeBytes)) throw unknown(text);
  if (sizeBytes > maxItemBytes) throw unknown(text);
  return dtype(kind, littleEndian, sizeBytes);
}

function timeDtype(kind: "M" | "m", unit: string, littleEndian: boolean): Dtype {
  if (unit !== "" && !/^(?:[1-9][0-9]{0,8})?(?:Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)$/.test(unit)) {
    throw unknown(`${kind === "M" ? "datetime64" : "timedelta64"}[${unit}]`);
  }
  return { kind, littleEndian, itemSizeBytes: 8, ...(unit === "" ? {} : { unit }) };
}

function unknown(text: string) {
  const object = /^[|<>=]?O|^object$/.test(text);
  return invalid(
    object ? "Arrays of Python objects are not read." : `${shown(text)} is not an element type of numpy.`,
    { value: text, remedy: "Use a type such as float64, int32, bool, <U12 or datetime64[ms]." },
  );
}

/**
 * The `.npy` file format, versions 1.0, 2.0 and 3.0.
 *
 * @source https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */

import { isServiceError } from "../errors.ts";
import { elementCount, type NdArray } from "./array.ts";
import { type Dtype, descrOf, dtypeOfDescr } from "./dtype.ts";
import { corrupt } from "./fault.ts";
import { type PythonLiteral, parsePythonLiteral } from "./python-literal.ts";

/** What the header of a file says. */
export interface NpyHeader {
  readonly version: 1 | 2 | 3;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
  /** Offset of the first element, in bytes. */
  readonly dataStart: number;
  /** Size of the elements, in bytes. */
  readonly dataBytes: number;
}

/** Longest header read, in bytes. */
const maxNpyHeaderBytes = 65_536;

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const alignment = 64;
/** numpy leaves room for the growing axis to reach this many digits. */
const growthDigits = 21;

/** Where the header text begins and ends, from the first 12 bytes (fewer, when the file is shorter). @throws {CODEC_CORRUPT} when it is no `.npy` file. */
export function npyHeaderSpan(prefix: Uint8Array): {
  version: 1 | 2 | 3;
  textStart: number;
  dataStart: number;
} {
  if (prefix.length < 10 || magic.some((byte, i) => prefix[i] !== byte)) {
    throw corrupt("The bytes do not begin as a .npy file does.");
  }
  const version = prefix[6];
  if ((version !== 1 && version !== 2 && version !== 3) || prefix[7] !== 0) {
    throw corrupt(`Version ${prefix[6]}.${prefix[7]} of .npy is not known.`);
  }
  const textStart = version === 1 ? 10 : 12;
  if (prefix.length < textStart) throw corrupt("The .npy file ends in its header.");
  const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > maxNpyHeaderBytes) {
    throw corrupt(`The .npy header claims ${length} bytes; at most ${maxNpyHeaderBytes} are read.`);
  }
  return { version, textStart, dataStart: textStart + length };
}

/** Reads a header from the beginning of a file. @throws {CODEC_CORRUPT} when it is damaged, holds Python objects, or does not fit `fileBytes`. */
export function readNpyHeader(start: Uint8Array, fileBytes: number): NpyHeader {
  const { version, textStart, dataStart } = npyHeaderSpan(start);
  if (start.length < dataStart) throw corrupt("The .npy file ends in its header.");
  const text = headerText(start.subarray(textStart, dataStart), version);
  const { descr, fortranOrder, shape } = usualFields(text) ?? headerFields(parsePythonLiteral(text));
  const dtype = headerDtype(descr);
  const needed = elementCount(shape) * BigInt(dtype.itemSizeBytes);
  if (needed !== BigInt(fileBytes - dataStart)) {
    throw corrupt(
      `The .npy header announces ${needed} bytes of elements, but ${fileBytes - dataStart} follow.`,
    );
  }
  const axes = shape.map(Number);
  if (axes.some((n) => !Number.isSafeInteger(n)))
    throw corrupt("The .npy header has an axis that is too long.");
  return { version, dtype, shape: axes, fortranOrder, dataStart, dataBytes: Number(needed) };
}

function headerText(bytes: Uint8Array, version: 1 | 2 | 3): string {
  if (version < 3) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw corrupt("The .npy header is not UTF-8.", cause);
  }
}

/** Headers as numpy writes them, but for records: nearly all. Whatever else is a header too is read as Python. */
const usual =
  /^\{'descr': '([<>|=][a-zA-Z][0-9]{1,10}(?:\[[0-9a-zA-Z]{1,12}\])?)', 'fortran_order': (True|False), 'shape': \(((?:(?:0|[1-9][0-9]{0,14}), ?)*)(0|[1-9][0-9]{0,14})?\), \} *\n$/;

function usualFields(text: string): HeaderFields | undefined {
  const [, descr, order, axes = "", last] = usual.exec(text) ?? [];
  // One number in brackets without a comma is that number, not a list of it.
  if (descr === undefined || (axes === "" && last !== undefined)) return undefined;
  const shape = axes.split(",").filter((n) => n.trim() !== "");
  if (last !== undefined) shape.push(last);
  return { descr, fortranOrder: order === "True", shape: shape.map(BigInt) };
}

interface HeaderFields {
  readonly descr: PythonLiteral;
  readonly fortranOrder: boolean;
  readonly shape: readonly bigint[];
}

function headerFields(header: PythonLiteral): HeaderFields {
  if (header === null || typeof header !== "object" || header.kind !== "dict") throw badHeader();
  const { entries } = header;
  const [descr, order, shape] = [entries.get("descr"), entries.get("fortran_order"), entries.get("shape")];
  if (entries.size !== 3 || descr === undefined || typeof order !== "boolean") throw badHeader();
  if (shape === undefined || shape === null || typeof shape !== "object" || shape.kind !== "tuple")
    throw badHeader();
  const axes = shape.items.map((n) => {
    if (typeof n !== "bigint" || n < 0n) throw badHeader();
    return n;
  });
  return { descr, fortranOrder: order, shape: axes };
}

function headerDtype(descr: PythonLiteral): Dtype {
  try {
    return dtypeOfDescr(descr);
  } catch (cause) {
    if (!isServiceError(cause)) throw cause;
    throw corrupt(`The .npy header: ${cause.message}`, cause);
  }
}

function badHeader() {
  return corrupt("The .npy header must be a dict of descr, fortran_order and shape.");
}

/** The header that `numpy.save` writes for this array, bit for bit. */
export function writeNpyHeader(array: {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly fortranOrder: boolean;
}): Uint8Array {
  const { dtype, shape, fortranOrder } = array;
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const descr = dtype.fields === undefined ? `'${descrOf(dtype)}'` : descrOf(dtype);
  const text = `{'descr': ${descr}, 'fortran_order': ${fortranOrder ? "True" : "False"}, 'shape': ${tuple}, }`;
  const growing = shape.length === 0 ? undefined : shape.at(fortranOrder ? -1 : 0);
  const spare = growing === undefined ? "" : " ".repeat(growthDigits - String(growing).length);
  return wrapHeader(text + spare);
}

/** Up to this an array is copied behind its header: one piece is simpler to handle than two. */
const onePieceBytes = 64 * 1024;

/** The file that `numpy.save` writes: one piece where it is small, otherwise the array's own bytes behind the header. */
export function writeNpy(array: NdArray): Uint8Array | (() => AsyncGenerator<Uint8Array>) {
  const header = writeNpyHeader(array);
  if (array.bytes.length <= onePieceBytes) return Buffer.concat([header, array.bytes]);
  return async function* pieces() {
    yield header;
    yield array.bytes;
  };
}

function wrapHeader(text: string): Uint8Array {
  const latin = !/[^\0-\xff]/.test(text);
  const body = Buffer.from(text, latin ? "latin1" : "utf8");
  const padded = (prefixBytes: number) =>
    body.length + 1 + alignment - ((prefixBytes + body.length + 1) % alignment);
  const version = !latin ? 3 : padded(10) > 65_535 ? 2 : 1;
  const prefixBytes = version === 1 ? 10 : 12;
  const length = padded(prefixBytes);
  const out = new Uint8Array(prefixBytes + length).fill(0x20);
  out.set([...magic, version, 0]);
  const view = new DataView(out.buffer);
  if (version === 1) view.setUint16(8, length, true);
  else view.setUint32(8, length, true);
  out.set(body, prefixBytes);
  out[out.length - 1] = 0x0a;
  return out;
}

/** Values for arguments: near what the tables hold, so that filters take some rows and leave others. */

import type { Column, Entity } from "../../../src/model/model.ts";
import type { Random } from "../../property/random.ts";
import { type Json, NumberText } from "../json.ts";
import { type Contents, isTold, toldPart } from "../oracle/codecs.ts";
import { show } from "../oracle/kinds.ts";
import type { Tables } from "../oracle/tables.ts";

/** Values of columns as the API shows them. */
export class Pools {
  readonly tables: Tables;
  readonly #contents: Contents;
  readonly #values = new Map<Column, readonly unknown[]>();

  constructor(tables: Tables, contents: Contents) {
    this.tables = tables;
    this.#contents = contents;
  }

  /** What a column holds, without what its type cannot carry. */
  of(entity: Entity, column: Column): readonly unknown[] {
    const known = this.#values.get(column);
    if (known !== undefined) return known;
    const kind = this.tables.kind(column);
    const values = this.tables.of(entity.name).flatMap((row) => {
      const value = kind === undefined ? null : row.value(column, kind);
      if (kind === undefined || value === null) return [];
      if (kind.scalar === "Float" && !Number.isFinite(value)) return [];
      const shown = show(kind, value);
      const isJson = kind.name === "json" || (kind.name === "list" && kind.scalar === "JSON");
      return [isJson ? plainJson(shown as Json) : shown]; // of JSON columns
    });
    this.#values.set(column, values);
    return values;
  }

  /** What a column's codec values show as `part`. */
  ofPart(entity: Entity, column: Column, part: string): readonly unknown[] {
    const { codec } = column.type;
    if (codec === undefined || !isTold(codec, part)) return [];
    return this.tables.of(entity.name).flatMap((row) => {
      const cell = row.cells[column.name] ?? null;
      if (cell === null || (codec.store === undefined && !this.#contents.has(cell))) return [];
      const value = toldPart(codec, part, { cell, contents: this.#contents });
      return value === null ? [] : [value];
    });
  }
}

/** JSON as a request holds it: numbers as JavaScript has them. */
function plainJson(value: Json): unknown {
  if (value instanceof NumberText) return Number.isFinite(Number(value.text)) ? Number(value.text) : 1e300;
  if (Array.isArray(value)) return value.map((item: Json) => plainJson(item));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plainJson(item)]));
}

const usual: Readonly<Record<string, readonly unknown[]>> = {
  Int: [0, 1, 2, 3, -1, 2147483647, -2147483648],
  BigInt: ["0", 1, "-1", "9223372036854775807", "-9223372036854775808", 42],
  Decimal: ["0", "1.5", 2, "-0.25", "1e3", "0.3333333333333333", "1000000000000000000000"],
  Float: [0, 1.5, -1, 0.1, 1e300, -2.5e-7],
  Float32: [0, 0.1, -1.5, "NaN", "Infinity", 3e38],
  Float64: [0, 1.5, 0.1, "NaN", "-Infinity", 1e308],
  String: ["", "a", "m7", "A", "%", "_", "float32", "ndarray", "n"],
  Boolean: [true, false],
  Date: ["2024-02-29", "0001-01-01", "9999-12-31", "2020-01-01"],
  DateTime: ["2024-02-29T12:00:00Z", "2020-01-01T00:00:00.5+02:00", "1970-01-01T00:00:00Z"],
  UUID: ["f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "00000000-0000-0000-0000-000000000000"],
  Bytes: ["", "AA==", "/+8="],
  JSON: [3, [], true, { a: 1 }],
};

/** A value for an operator on values of a scalar. */
export function operand(random: Random, scalar: string, pool: readonly unknown[]): unknown {
  const value =
    pool.length > 0 && random.chance(0.8) ? random.pick(pool) : random.pick(usual[scalar] ?? pool);
  return random.chance(0.25) ? changed(random, scalar, value) : value;
}

function changed(random: Random, scalar: string, value: unknown): unknown {
  switch (scalar) {
    case "Int":
      return Math.max(Math.min(Number(value) + random.pick([1, -1]), 2147483647), -2147483648);
    case "Decimal":
      return /^-?\d+$/.test(String(value)) ? `${String(value)}.500` : `${String(value)}`;
    case "Float":
      return Number(value) / 2;
    case "DateTime":
      return String(value).endsWith("Z") ? String(value).replace("Z", "+00:00").replace("T", "t") : value;
    case "UUID":
      return String(value).toUpperCase();
    case "String":
      return random.chance(0.5) ? String(value).toUpperCase() : `${String(value)} `;
    default:
      return value;
  }
}

/** Part of a text, or a pattern that may fit it. */
export function searched(random: Random, operator: string, pool: readonly unknown[]): string {
  const letters = [...String(operand(random, "String", pool)).trimEnd()];
  const from = operator === "startsWith" ? 0 : random.below(letters.length + 1);
  const to = operator === "endsWith" ? letters.length : from + random.below(letters.length - from + 1);
  const part = letters.slice(from, to);
  if (!/like/.test(operator)) return part.join("");
  const pattern = part.map((letter) =>
    random.chance(0.2) ? "_" : /[%_\\]/.test(letter) ? `\\${letter}` : letter,
  );
  const text = `${random.chance(0.8) ? "%" : ""}${pattern.join("")}${random.chance(0.8) ? "%" : ""}`;
  return operator === "ilike" && random.chance(0.5) ? text.toUpperCase() : text;
}

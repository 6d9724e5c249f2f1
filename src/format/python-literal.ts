/**
 * Reads the Python literals that stand in `.npy` headers: dict, tuple, list, string, integer, True, False, None. Nothing is evaluated.
 *
 * @source https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html ("Format Version 1.0")
 */

import { corrupt } from "./fault.ts";

/** A parsed literal; tuples and lists are kept apart. */
export type PythonLiteral =
  | string
  | bigint
  | boolean
  | null
  | { readonly kind: "tuple" | "list"; readonly items: readonly PythonLiteral[] }
  | { readonly kind: "dict"; readonly entries: ReadonlyMap<string, PythonLiteral> };

/** Nesting beyond this is refused; numpy itself never writes more than a few levels. */
const maxDepth = 32;

/** @throws {CODEC_CORRUPT} when the text is not one literal. */
export function parsePythonLiteral(text: string): PythonLiteral {
  const parser = new LiteralParser(text);
  const value = parser.value(0);
  parser.end();
  return value;
}

class LiteralParser {
  #at = 0;
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): PythonLiteral {
    if (depth > maxDepth) throw this.#fault("nested too deeply");
    const next = this.#peek();
    if (next === "{") return this.#dict(depth);
    if (next === "(") return { kind: "tuple", items: this.#sequence("(", ")", depth) };
    if (next === "[") return { kind: "list", items: this.#sequence("[", "]", depth) };
    if (next === "'" || next === '"') return this.#string();
    const word = /^(?:True|False|None|[+-]?[0-9]+L?)(?![A-Za-z0-9_])/.exec(
      this.#text.slice(this.#at, this.#at + 40),
    );
    if (word === null) throw this.#fault("expected a literal");
    this.#at += word[0].length;
    if (word[0] === "None") return null;
    if (word[0] === "True" || word[0] === "False") return word[0] === "True";
    return BigInt(word[0].replace(/L$/, "").replace(/^\+/, ""));
  }

  end(): void {
    if (this.#peek() !== "") throw this.#fault("text after the literal");
  }

  #dict(depth: number): PythonLiteral {
    const entries = new Map<string, PythonLiteral>();
    this.#take("{");
    while (this.#peek() !== "}") {
      const key = this.value(depth + 1);
      if (typeof key !== "string" || entries.has(key)) throw this.#fault("keys must be different strings");
      this.#take(":");
      entries.set(key, this.value(depth + 1));
      if (this.#peek() !== "}") this.#take(",");
    }
    this.#take("}");
    return { kind: "dict", entries };
  }

  #sequence(open: string, close: string, depth: number): PythonLiteral[] {
    const items: PythonLiteral[] = [];
    this.#take(open);
    while (this.#peek() !== close) {
      items.push(this.value(depth + 1));
      if (this.#peek() !== close) this.#take(",");
    }
    this.#take(close);
    return items;
  }

  #string(): string {
    const quote = this.#text[this.#at];
    let out = "";
    for (this.#at += 1; ; this.#at += 1) {
      const char = this.#text[this.#at];
      if (char === undefined || char === "\n") throw this.#fault("unfinished string");
      if (char === quote) break;
      out += char === "\\" ? this.#escape() : char;
    }
    this.#at += 1;
    return out;
  }

  #escape(): string {
    const rest = this.#text.slice(this.#at + 1, this.#at + 10);
    const simple: Readonly<Record<string, string>> = {
      "\\": "\\",
      "'": "'",
      '"': '"',
      n: "\n",
      t: "\t",
      r: "\r",
    };
    const one = simple[rest[0] ?? ""];
    if (one !== undefined) {
      this.#at += 1;
      return one;
    }
    const hex = /^(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/.exec(rest);
    const code = Number.parseInt(hex?.[1] ?? hex?.[2] ?? hex?.[3] ?? "", 16);
    if (hex === null || code > 0x10ffff) throw this.#fault("unknown escape");
    this.#at += hex[0].length;
    return String.fromCodePoint(code);
  }

  #peek(): string {
    while (/^[ \t\r\n]$/.test(this.#text[this.#at] ?? "")) this.#at += 1;
    return this.#text[this.#at] ?? "";
  }

  #take(char: string): void {
    if (this.#peek() !== char) throw this.#fault(`expected ${char}`);
    this.#at += 1;
  }

  #fault(what: string) {
    return corrupt(`Header text is not a Python literal: ${what} at character ${this.#at}.`);
  }
}

/** A literal as Python's `repr` prints it, for what dtypes need: strings, integers, tuples and lists. */
export function printPythonLiteral(value: PythonLiteral): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "bigint") return String(value);
  if (typeof value === "string") return printString(value);
  if (value.kind === "dict") {
    return `{${[...value.entries].map(([k, v]) => `${printString(k)}: ${printPythonLiteral(v)}`).join(", ")}}`;
  }
  const items = value.items.map(printPythonLiteral).join(", ");
  if (value.kind === "list") return `[${items}]`;
  return value.items.length === 1 ? `(${items},)` : `(${items})`;
}

function printString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t");
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

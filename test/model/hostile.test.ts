/** Whatever the text, the answer is a model or SCHEMA_INVALID with places, soon. */

import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isServiceError } from "../../src/errors.ts";
import { parseModel } from "../../src/model/parse.ts";
import { randomSchema } from "../support/random-schema.ts";
import { testContext } from "./context.ts";

/** Messages of a text; none when it is a valid schema. Any other error is a failure. */
function faultsOf(text: string): string[] {
  try {
    parseModel([{ path: "s.graphql", text }], testContext);
    return [];
  } catch (error) {
    if (isServiceError(error, "SCHEMA_INVALID")) return error.message.split("\n");
    throw error;
  }
}

const folder = new URL("../fixtures/broken-schemas/", import.meta.url);
const tokens = [
  ...new Set(
    readdirSync(folder).flatMap(
      (name) =>
        readFileSync(new URL(name, folder), "utf8")
          .replace(/#.*\n/g, "")
          .match(/[\w@$]+|"[^"\n]*"|[^\s\w]/g) ?? [],
    ),
  ),
];

describe("hostile texts", () => {
  it("made by changing tokens of valid ones end in a model or in SCHEMA_INVALID", () => {
    const edit = fc.record({ at: fc.nat(), token: fc.constantFrom(...tokens, ""), replaces: fc.boolean() });
    const changed = fc
      .tuple(
        randomSchema({ codecs: [...testContext.codecs.values()], maxEntities: 4 }),
        fc.array(edit, { maxLength: 5 }),
      )
      .map(([text, edits]) => {
        const parts = text.match(/[\w@$]+|"(?:[^"\\\n]|\\.)*"|[^\s\w]|\s+/g) ?? [];
        for (const { at, token, replaces } of edits)
          parts.splice(at % parts.length, replaces ? 1 : 0, ` ${token} `);
        return parts.join("");
      });
    fc.assert(
      fc.property(changed, (text) => {
        for (const line of faultsOf(text)) expect(line).toMatch(/^s\.graphql:\d+:\d+ .*[^.]\. .*\.$/s);
      }),
      { numRuns: 300 },
    );
  });

  it("of any characters do too", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        expect(faultsOf(text).length).toBeGreaterThan(0);
      }),
    );
  });

  it("that nest deeply, or are long, are answered soon", () => {
    const field = (rest: string): string => `type T @table { k: Int! @key ${rest} }`;
    const deep = (open: string, close: string, n: number): string => open.repeat(n) + close.repeat(n);
    expect(faultsOf(field(`j: JSON! @column(default: ${deep("[", "]", 100_000)})`))).toHaveLength(1);
    expect(faultsOf(field(`j: JSON! @column(default: ${deep("[", "]", 500)})`))).toHaveLength(1);
    expect(faultsOf(field(`j: ${"[".repeat(100_000)}Int${"]".repeat(100_000)}`))).toHaveLength(1);
    expect(faultsOf(`${"#".repeat(100_000)}\n${field("")}`)).toEqual([]);
    const many = Array.from({ length: 2000 }, (_, at) => `type T${at}x @table { k${at}: Int! @key }`).join(
      "\n",
    );
    expect(faultsOf(many)).toEqual([]);
  });

  it("tell many faults of one file at once, each once", () => {
    const text = readdirSync(folder)
      .filter((name) => /^(key|default|spec|codec)-/.test(name))
      .map((name, at) => {
        const body = readFileSync(new URL(name, folder), "utf8").replace(/^#.*\n/, "");
        return body
          .replace(/\b(type|enum) (\w+)/g, `$1 $2${at}`)
          .replace(/: \[?(Subject|Sex|Kind|A|B|C)\b/g, `$&${at}`);
      })
      .join("\n");
    const faults = faultsOf(text);
    expect(faults.length).toBeGreaterThan(40);
    expect(new Set(faults).size).toBe(faults.length);
  });
});

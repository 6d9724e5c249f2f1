/** Mutants must not rot: what they replace is in the code, what they make of it can be read, and the design's are all here. */

import { readdirSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { runs } from "../model/variants.ts";
import { mutants, withoutPlace } from "./catalog.ts";
import { change } from "./mutant.ts";
import { isPatched, mutantAsked, patched, placeOf } from "./patch.ts";

const textOf = (file: string): string => readFileSync(placeOf(file), "utf8");

describe("each mutant", () => {
  test.each(mutants.map((mutant) => [mutant.name, mutant] as const))("%s is in the code", (_, mutant) => {
    expect(mutant.suites.length).toBeGreaterThan(0);
    expect(mutant.changes.length).toBeGreaterThan(0);
    for (const file of new Set(mutant.changes.map((one) => one.file))) {
      const text = patched(mutant, placeOf(file), textOf(file));
      expect(text).not.toBe(textOf(file));
      // What cannot be read is caught by any suite, and shows nothing.
      stripTypeScriptTypes(text);
    }
  });

  test("has a name of its own, by which it is asked for", () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    for (const mutant of mutants) expect(mutantAsked(mutant.name)).toBe(mutant);
    for (const nothing of [undefined, "", "none"]) expect(mutantAsked(nothing ?? "")).toBeUndefined();
    expect(() => mutantAsked("M99-nothing")).toThrow(/no mutant "M99-nothing"/);
  });
});

test("each mutant of the model has one in the code, or a reason why not", () => {
  const inModel = runs.flatMap(({ name, allowed }) =>
    allowed === undefined ? [/^M\d+/.exec(name)?.[0] ?? name] : [],
  );
  const inCode = new Set(mutants.flatMap(({ name }) => /^M\d+(?=-)/.exec(name)?.[0] ?? []));
  expect(inModel.length).toBeGreaterThan(30);
  expect(inModel.filter((name) => !inCode.has(name)).sort()).toEqual(Object.keys(withoutPlace).sort());
});

test("a text that is not there, or is twice, is an error", () => {
  const [mutant] = mutants;
  const file = "errors.ts";
  const one = (from: string) =>
    ({ ...mutant, changes: [change(file, from, "")] }) as (typeof mutants)[number];
  expect(isPatched(one("a"), placeOf(file))).toBe(true);
  expect(isPatched(one("a"), placeOf("main.ts"))).toBe(false);
  expect(() => patched(one("ab"), placeOf(file), "cab")).not.toThrow();
  expect(() => patched(one("ab"), placeOf(file), "abab")).toThrow(/2 times in errors.ts/);
  expect(() => patched(one("ab"), placeOf(file), "ba")).toThrow(/0 times in errors.ts/);
});

test("what is shipped knows nothing of mutants", () => {
  const root = resolve(import.meta.dirname, "../..");
  const files = ["src", "codecs", "scripts"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => join(root, folder, path)),
  );
  expect(files.length).toBeGreaterThan(200);
  expect(files.filter((path) => /HOLDFAST_MUTANT|test\/mutants/.test(readFileSync(path, "utf8")))).toEqual(
    [],
  );
});

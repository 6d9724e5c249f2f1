/** The oracle stands apart: what it shares with the service it could not judge. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");

/** Files of ours and packages that `file` reaches; types alone, which are gone when it runs, too. */
function reached(file: string, seen: Set<string>): void {
  if (seen.has(file)) return;
  seen.add(file);
  if (!file.endsWith(".ts")) return;
  const text = readFileSync(join(root, file), "utf8");
  for (const [, to = ""] of text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)"([^"]+)"/g))
    reached(to.startsWith(".") ? relative(root, resolve(root, dirname(file), to)) : to, seen);
}

test("of the service the oracle imports the Model's type alone", () => {
  const seen = new Set<string>();
  const folder = "test/parity/oracle";
  for (const name of readdirSync(join(root, folder))) reached(`${folder}/${name}`, seen);
  const others = [...seen].filter((file) => !file.startsWith(`${folder}/`)).sort();
  expect(others).toEqual([
    "graphql",
    "graphql/execution/values.js",
    "src/model/model.ts",
    "test/parity/json.ts",
  ]);
});

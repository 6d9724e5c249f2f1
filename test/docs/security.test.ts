/** Each promise of the security page names tests, and each of them is there. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/reference/security.md"), "utf8");
const sections = page
  .split(/^## /m)
  .slice(1)
  .map((text) => {
    const [title = ""] = text.split("\n");
    const shown = text.slice(text.indexOf("\nShown by "));
    return { title, tests: [...shown.matchAll(/`(test\/[^`]+)`/g)].map(([, path = ""]) => path) };
  });

describe("docs/reference/security.md", () => {
  it("has the lines of the checklist", () => {
    expect(sections.map(({ title }) => title)).toEqual([
      "Signed URLs of a store",
      "Bytes that are served",
      "Rights come first",
      "Imports",
      "Paths",
      "Decoders",
      "Limits",
      "GraphQL",
      "Rows",
      "Other sites",
      "Credentials",
      "Least privilege",
      "Digests",
      "Audit",
    ]);
  });

  it.each(sections)("$title names tests that are there", ({ tests }) => {
    expect(tests.length).toBeGreaterThan(0);
    for (const path of tests) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  });

  it("names every test of test/security and test/remote", () => {
    const files = ["test/security", "test/remote"].flatMap((folder) =>
      readdirSync(join(root, folder))
        .filter((name) => name.endsWith(".test.ts"))
        .map((name) => `${folder}/${name}`),
    );
    expect(files.filter((path) => !page.includes(`\`${path}\``))).toEqual([]);
  });
});

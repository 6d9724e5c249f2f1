/** Tests and commands by which the documentation shows what it promises are there. */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const scripts = Object.keys(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).scripts);

describe.each(["docs/guide/integrity.md", "docs/guide/collect.md", "docs/reference/security.md"])(
  "%s",
  (page) => {
    const text = readFileSync(join(root, page), "utf8");

    it("names tests that exist", () => {
      const named = [...text.matchAll(/`((?:test|docs)\/[\w./-]+)`/g)].map(([, path = ""]) => path);
      expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
    });

    it("names commands that exist", () => {
      const named = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = ""]) => name);
      expect(named.filter((name) => !scripts.includes(name))).toEqual([]);
    });
  },
);

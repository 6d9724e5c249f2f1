/** Every relative link of the documentation leads somewhere, and every page can be reached from the README. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".md"))
    .map((path) => `docs/${path}`),
];

function linksOf(page: string): string[] {
  const text = readFileSync(join(root, page), "utf8").replace(/```[\s\S]*?```/g, "");
  return [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g)].map(([, to = ""]) =>
    relative(root, resolve(root, dirname(page), to)),
  );
}

describe("the documentation", () => {
  it("has no broken relative links", () => {
    const broken = pages.flatMap((page) =>
      linksOf(page)
        .filter((to) => !existsSync(join(root, to)))
        .map((to) => `${page} → ${to}`),
    );
    expect(broken).toEqual([]);
  });

  it("can be reached from the README", () => {
    const reached = new Set(["README.md"]);
    for (const page of reached) {
      if (page.endsWith(".md")) for (const to of linksOf(page)) reached.add(to);
      if (page === "docs/decisions")
        for (const file of pages) if (file.startsWith("docs/decisions/")) reached.add(file);
    }
    expect(pages.filter((page) => !reached.has(page))).toEqual([]);
  });
});

/** The arrows between folders, as data. A folder may import what its row lists, plus `src/errors.ts`; nothing else. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "..");
const everything = "*";

/** Folder (or single file) → what it may import of ours. The first row whose name begins a file's path is its row. */
const arrows: readonly (readonly [name: string, allowed: readonly string[]])[] = [
  ["codecs/", ["src/codec/contract.ts", "src/format/"]],
  ["src/errors.ts", []],
  ["src/model/", []],
  ["src/plugin/", []],
  ["src/codec/", ["src/plugin/", "src/format/decode-limits.ts"]],
  ["src/extend/", []],
  ["src/plan/", ["src/model/", "src/codec/contract.ts"]],
  ["src/sql/", ["src/plan/", "src/model/", "src/codec/contract.ts"]],
  ["src/store/", ["src/plugin/"]],
  ["src/remote/", []],
  ["src/object/", ["src/store/", "src/codec/contract.ts", "src/db/"]],
  ["src/collector/", ["src/object/", "src/store/", "src/db/"]],
  ["src/job/", ["src/model/", "src/sql/", "src/object/", "src/collector/", "src/db/"]],
  ["src/backup/", ["src/collector/", "src/object/", "src/store/", "src/db/", "src/sql/", "src/model/"]],
  ["src/migrate/", ["src/model/", "src/plan/", "src/sql/", "src/codec/", "src/object/", "src/db/"]],
  ["src/adopt/", ["src/collector/", "src/object/", "src/store/", "src/db/", "src/sql/"]],
  ["src/introspect/", ["src/sql/", "src/model/"]],
  ["src/db/", ["src/sql/", "src/model/"]],
  [
    "src/api/",
    [
      "src/model/",
      "src/plan/",
      "src/sql/",
      "src/codec/",
      "src/extend/",
      "src/object/",
      "src/db/",
      "src/store/contract.ts",
    ],
  ],
  [
    "src/system/",
    [
      "src/model/",
      "src/plan/",
      "src/sql/",
      "src/plugin/",
      "src/codec/",
      "src/object/",
      "src/collector/",
      "src/migrate/",
      "src/db/",
      "src/store/",
      "src/format/",
    ],
  ],
  ["src/metrics/", ["src/db/"]],
  ["src/http/", ["src/metrics/", "src/api/", "src/object/", "src/store/", "src/codec/contract.ts"]],
  ["src/client/", []],
  ["src/sample/", ["src/client/"]],
  ["src/populate/", ["src/client/"]],
  ["src/format/", []],
  ["src/cli/", [everything]],
  ["src/main.ts", [everything]],
];

/** Packages that only some folders may import; a package that is not listed here is free. */
const fences: Readonly<Record<string, readonly string[]>> = {
  graphql: ["src/model/", "src/plan/", "src/api/", "src/system/", "src/cli/", "src/main.ts"],
  "type-graphql": ["src/system/"],
  "reflect-metadata": ["src/system/"],
  "@mikro-orm/": ["src/db/"],
  kysely: ["src/db/"],
  pg: ["src/db/"],
  "pg-copy-streams": ["src/db/"],
  "tar-stream": ["src/backup/"],
  "@aws-sdk/": ["src/store/s3"],
  "@apollo/server": ["src/api/", "src/http/", "src/system/", "src/main.ts"],
  fastify: ["src/http/"],
  "hash-wasm": ["src/object/", "src/format/deflate.ts"],
  ws: ["src/http/"],
  "graphql-ws": ["src/http/"],
  "graphql-sse": ["src/http/"],
  "prom-client": ["src/metrics/"],
  "ipaddr.js": ["src/remote/"],
  commander: ["src/cli/"],
  "graphile-worker": ["src/job/"],
  hyparquet: ["src/format/parquet"],
  sharp: ["src/format/image.ts"],
  // For tests alone: docs/decisions/0020.
  zarrita: [],
  piscina: ["src/codec/"],
  h5wasm: ["src/format/hdf5"],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const pattern = /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)["']([^"']+)["']/gm;
  return [...text.matchAll(pattern)].map(([, specifier = ""]) => ({
    from: file,
    to: specifier.startsWith(".")
      ? relative(root, resolve(root, dirname(file), specifier))
          .split(sep)
          .join("/")
      : specifier,
  }));
}

const files = [...sources("src"), ...sources("codecs")];
const imports = files.flatMap(importsOf);
const isOurs = (path: string) => path.startsWith("src/") || path.startsWith("codecs/");

function allowed({ from, to }: Import): boolean {
  const row = arrows.find(([name]) => from.startsWith(name));
  if (row === undefined) return false;
  const [name, targets] = row;
  return (
    to === "src/errors.ts" ||
    to.startsWith(name) ||
    targets.some((target) => target === everything || to.startsWith(target))
  );
}

describe("the house", () => {
  it("has a row for every source file", () => {
    expect(files.filter((file) => !arrows.some(([name]) => file.startsWith(name)))).toEqual([]);
  });

  it("lets arrows run one way", () => {
    const wrong = imports.filter(({ to }) => isOurs(to)).filter((edge) => !allowed(edge));
    expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  it("keeps packages inside their fences", () => {
    const wrong = imports.filter(({ from, to }) => {
      const fence = Object.entries(fences).find(
        ([name]) => to === name || to.startsWith(name.endsWith("/") ? name : `${name}/`),
      );
      return fence !== undefined && !fence[1].some((folder) => from.startsWith(folder));
    });
    expect(wrong.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  it("imports no file outside the house", () => {
    const wrong = imports.filter(({ to }) => to.startsWith("..") || /^(test|bench|dist|scripts)\//.test(to));
    expect(wrong).toEqual([]);
  });
});

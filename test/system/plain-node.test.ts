/** Only `src/system` has decorators: everything else loads under plain Node, so that the core needs no transpiler. */

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");

/** What stands on `src/system`, or runs when it is loaded. */
const outside = ["src/system/", "src/main.ts", "src/cli/"];

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"));
}

it("loads every file of the core by type stripping alone", () => {
  const files = [...filesIn("src"), ...filesIn("codecs")].filter(
    (file) => !outside.some((name) => file.startsWith(name)),
  );
  expect(files.length).toBeGreaterThan(100);
  const urls = files.map((file) => pathToFileURL(join(root, file)).href);
  const script = `
    const failed = [];
    for (const url of ${JSON.stringify(urls)}) await import(url).catch((error) => failed.push(url + ": " + error));
    console.log(JSON.stringify(failed));
    process.exit();`;
  const run = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: "" },
  });
  expect(run.stderr).toBe("");
  expect(JSON.parse(run.stdout)).toEqual([]);
});

it("would see a decorator: those of src/system do not load so", () => {
  const url = pathToFileURL(join(root, "src/system/types.ts")).href;
  const run = spawnSync(
    process.execPath,
    ["--input-type=module", "--eval", `await import(${JSON.stringify(url)})`],
    {
      encoding: "utf8",
      env: { ...process.env, NODE_OPTIONS: "" },
    },
  );
  expect(run.status).not.toBe(0);
  expect(run.stderr).toContain("SyntaxError");
});

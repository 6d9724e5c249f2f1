/** Many small files at once: what holds for one that is put or read alone holds for each of them. */

import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { isServiceError } from "../../src/errors.ts";
import type { StoreDriver } from "../../src/store/contract.ts";
import { createFileDriver } from "../../src/store/file.ts";

const folders: string[] = [];

async function location(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "holdfast-small-"));
  folders.push(made);
  return made;
}

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function* text(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content);
}

async function readText(driver: StoreDriver, path: string): Promise<string | undefined> {
  const found = await driver.get(path);
  if (found === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  for await (const chunk of found.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Regular files below a folder. */
async function files(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

const codeOf = (result: PromiseSettledResult<unknown> | undefined): string | undefined =>
  result?.status === "rejected" && isServiceError(result.reason) ? result.reason.code : result?.status;

const hundred = Array.from({ length: 100 }, (_, i) => i);

describe.runIf(process.platform === "linux")("many small files", () => {
  test("are each there, whole and as their heads say, and are read again", async () => {
    const folder = await location();
    const driver = createFileDriver(folder);
    const pathOf = (i: number): string => `_schema/lab/t/k=${Math.floor(i / 2)}/f_${i}.npy`;
    const bodyOf = (i: number): string => "x".repeat(i % 3 === 0 ? i * 1000 : i);
    const heads = await Promise.all(hundred.map((i) => driver.put(pathOf(i), text(bodyOf(i)))));
    expect(await files(folder)).toEqual(hundred.map(pathOf).sort());
    const again = await Promise.all(hundred.map((i) => driver.head(pathOf(i))));
    expect(heads).toEqual(again);
    const other = createFileDriver(folder);
    expect(await Promise.all(hundred.map((i) => readText(other, pathOf(i))))).toEqual(hundred.map(bodyOf));
    const gets = await Promise.all(hundred.map((i) => other.get(pathOf(i))));
    expect(gets.map((found) => found?.head)).toEqual(heads);
  });

  test("are compared with what was declared, and never written over", async () => {
    const folder = await location();
    const driver = createFileDriver(folder);
    await driver.put("taken", text("first"));
    const odd = [
      driver.put("size", text("12345"), { sizeBytes: 6 }),
      driver.put("digest", text("12345"), { sha256: "00".repeat(32) }),
      driver.put("taken", text("second")),
      driver.put("twice", text("one")),
      driver.put("twice", text("two")),
    ];
    const all = await Promise.allSettled([
      ...hundred.map((i) => driver.put(`a/${i}`, text(`${i}`))),
      ...odd,
      ...hundred.map((i) => driver.put(`b/${i}`, text(`${i}`))),
    ]);
    expect(all.slice(100, 103).map(codeOf)).toEqual(["UPLOAD_MISMATCH", "UPLOAD_MISMATCH", "STORE_CONFLICT"]);
    expect(all.slice(103, 105).map(codeOf).sort()).toEqual(["STORE_CONFLICT", "fulfilled"]);
    expect(all.filter(({ status }) => status === "rejected")).toHaveLength(4);
    expect(await readText(driver, "taken")).toBe("first");
    expect(await files(folder)).toHaveLength(202);
  });

  test("go through no link and no file, to be made or to be read", async () => {
    const [folder, outside] = [await location(), await location()];
    await writeFile(join(outside, "secret"), "secret");
    await symlink(outside, join(folder, "linked"));
    await symlink(join(outside, "secret"), join(folder, "name"));
    await writeFile(join(folder, "file"), "");
    const driver = createFileDriver(folder);
    const many = (paths: readonly string[], work: (path: string) => Promise<unknown>) =>
      Promise.allSettled([...hundred.map((i) => `a/${i}`), ...paths].map(work));
    const puts = await many(["linked/new", "file/below", "name"], (path) => driver.put(path, text("x")));
    expect(puts.slice(100).map(codeOf)).toEqual(["FORBIDDEN", "STORE_CONFLICT", "STORE_CONFLICT"]);
    const gets = await many(["linked/secret", "name"], (path) => driver.get(path));
    expect(gets.slice(100).map(codeOf)).toEqual(["FORBIDDEN", "FORBIDDEN"]);
    expect(gets.slice(0, 100).map(codeOf)).toEqual(hundred.map(() => "fulfilled"));
    expect(await files(outside)).toEqual(["secret"]);
  });

  test("what is absent is absent, and ranges are what they are alone", async () => {
    const driver = createFileDriver(await location());
    await driver.put("f", text("0123456789"));
    const ask = (start: number, end: number) => driver.get("f", { range: { start, end } });
    const ranges = await Promise.allSettled(hundred.map((i) => ask(i % 12, (i % 12) + 3)));
    for (const [i, result] of ranges.entries()) {
      const start = i % 12;
      expect(codeOf(result)).toBe(start > 10 ? "RANGE_NOT_SATISFIABLE" : "fulfilled");
      if (result.status !== "fulfilled") continue;
      const chunks: Uint8Array[] = [];
      for await (const chunk of result.value?.body ?? []) chunks.push(chunk);
      expect(Buffer.concat(chunks).toString()).toBe("0123456789".slice(start, start + 3));
    }
    const none = await Promise.all(hundred.map((i) => driver.get(`nothing/${i}`)));
    expect(none.every((found) => found === undefined)).toBe(true);
  });

  test.each(["fs.ENOSPC", "fs.EIO", "fs.fsync", "fs.EXDEV"])(
    "one that fails at %s is alone with it, and leaves nothing",
    async (point) => {
      const folder = await location();
      let times = 0;
      const faults = (reached: string): void => {
        if (reached === point && ++times === 50) throw Object.assign(new Error("EIO"), { code: "EIO" });
      };
      const driver = createFileDriver(folder, { faults });
      const all = await Promise.allSettled(hundred.map((i) => driver.put(`d/${i}/f`, text(`${i}`))));
      const failed = all.map(codeOf).indexOf("STORE_UNAVAILABLE");
      expect(all.filter(({ status }) => status === "rejected")).toHaveLength(1);
      const rest = hundred.filter((i) => i !== failed);
      expect(await files(folder)).toEqual(rest.map((i) => `d/${i}/f`).sort());
    },
  );

  test("steps of each come in their order: synced before it is named", async () => {
    const reached: string[] = [];
    const driver = createFileDriver(await location(), { faults: (point) => void reached.push(point) });
    await Promise.all(hundred.map((i) => driver.put(`d/${i}`, text(`${i}`))));
    const counts = new Map<string, number>();
    for (const point of reached) {
      counts.set(point, (counts.get(point) ?? 0) + 1);
      const count = (name: string): number => counts.get(name) ?? 0;
      expect(count("fs.linked")).toBeLessThanOrEqual(count("fs.synced"));
      expect(count("fs.synced")).toBeLessThanOrEqual(count("fs.written"));
    }
    expect(counts.get("fs.unlinked")).toBe(100);
  });

  test("a process that is killed leaves whole files or none; one that is not ends by itself", async () => {
    const folder = await location();
    const run = (faults: string) =>
      spawnSync(process.execPath, ["--input-type=module-typescript", "-e", script(folder, faults)], {
        encoding: "utf8",
      });
    const killed = run(
      `let n = 0; const faults = (p) => { if (p === "fs.linked" && ++n === 40) process.kill(process.pid, "SIGKILL"); };`,
    );
    expect(killed.signal).toBe("SIGKILL");
    const left = (await files(folder)).filter((name) => !name.endsWith(".part"));
    for (const name of left) expect(await readFile(join(folder, name), "utf8")).toBe("whole".repeat(200));
    const ended = run("const faults = undefined;");
    expect({ status: ended.status, said: ended.stderr }).toEqual({ status: 0, said: "" });
    expect((await files(folder)).filter((name) => !name.endsWith(".part"))).toHaveLength(100);
  });
});

function script(folder: string, faults: string): string {
  const driver = JSON.stringify(new URL("../../src/store/file.ts", import.meta.url).href);
  return `import { createFileDriver } from ${driver};
${faults}
const driver = createFileDriver(${JSON.stringify(folder)}, faults === undefined ? {} : { faults });
async function* body() { yield Buffer.from("whole".repeat(200)); }
const put = (i) => driver.put("d/" + i, body()).catch((error) => { if (error.code !== "STORE_CONFLICT") throw error; });
await Promise.all(Array.from({ length: 100 }, (_, i) => put(i)));`;
}

import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { dataOwner, lockData } from "../../src/db/data-lock.ts";
import { processIdentity } from "../../src/db/process-identity.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-lock-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const owner = { pid: process.pid, identity: processIdentity(process.pid), host: hostname(), token: "other" };

async function left(content: unknown): Promise<string> {
  const path = join(folder, "owner.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

describe("lockData", () => {
  it("names this process and its address, for this user only", async () => {
    const lock = await lockData(folder);
    await lock.announce("127.0.0.1:4000");
    expect(await dataOwner(folder)).toMatchObject({ pid: process.pid, address: "127.0.0.1:4000" });
    expect((await stat(join(folder, "owner.json"))).mode & 0o777).toBe(0o600);
    await lock.release();
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
    expect(await dataOwner(folder)).toBeUndefined();
  });

  it("is refused while its owner lives, naming pid and address", async () => {
    const lock = await lockData(folder);
    await lock.announce("127.0.0.1:4000");
    await expect(lockData(folder)).rejects.toMatchObject({
      code: "DATA_IN_USE",
      message: `Process ${process.pid} is using the data folder, listening at 127.0.0.1:4000.`,
      details: {
        value: process.pid,
        address: "127.0.0.1:4000",
        remedy: expect.stringContaining("HOLDFAST_DATA"),
      },
    });
    await lock.release();
  });

  it.each([
    ["a number that nobody has", { ...owner, pid: 2 ** 22 - 1 }],
    ["a number that another process has now", { ...owner, identity: "an earlier process" }],
    ["a file that was cut off", '{"pid": 12'],
    ["a file of something else", "[]"],
    ["an empty file", ""],
  ])("takes over from %s", async (_, content) => {
    await left(content);
    const lock = await lockData(folder);
    expect(await dataOwner(folder)).toMatchObject({ pid: process.pid });
    await lock.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("believes an owner on another machine for as long as it touches the file", async () => {
    const path = await left({ ...owner, host: "another machine" });
    await expect(lockData(folder)).rejects.toMatchObject({
      code: "DATA_IN_USE",
      message: expect.stringContaining("on another machine"),
    });
    const past = new Date(Date.now() - 60_000);
    await utimes(path, past, past);
    await (await lockData(folder)).release();
  });

  it("has one winner of many", async () => {
    await left({ ...owner, pid: 2 ** 22 - 1 });
    const attempts = await Promise.allSettled(Array.from({ length: 10 }, () => lockData(folder)));
    const winners = attempts.filter((attempt) => attempt.status === "fulfilled");
    expect(winners).toHaveLength(1);
    for (const attempt of attempts) {
      if (attempt.status === "rejected") expect(attempt.reason).toMatchObject({ code: "DATA_IN_USE" });
    }
    await winners[0]?.value.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it("does not remove the lock of a later owner", async () => {
    const lock = await lockData(folder);
    const path = await left(owner);
    await lock.release();
    expect(JSON.parse(await readFile(path, "utf8"))).toEqual(owner);
  });

  it("says that the folder is missing", async () => {
    await expect(lockData(join(folder, "missing"))).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { remedy: expect.stringContaining("Create it") },
    });
  });
});

describe("processIdentity", () => {
  it("is stable for a living process, and gone with it", async () => {
    const child = spawn("sleep", ["600"]);
    const pid = child.pid ?? 0;
    const identity = processIdentity(pid);
    expect(identity).toBeTruthy();
    expect(processIdentity(pid)).toBe(identity);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    expect(processIdentity(pid)).toBeUndefined();
  });

  it("is nothing for what is no process", () => {
    for (const pid of [0, -1, 1.5, Number.NaN]) expect(processIdentity(pid)).toBeUndefined();
  });
});

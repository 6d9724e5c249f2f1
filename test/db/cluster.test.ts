import { chmod, cp, mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { postgresBinaries } from "../../src/db/binaries.ts";
import { prepareCluster } from "../../src/db/cluster.ts";
import { startFailure, worthRetrying } from "../../src/db/start-failure.ts";
import { accountOf, findPrivileges } from "../../src/db/unprivileged.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-cluster-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("prepareCluster", () => {
  it("copies the programs to where the account can run them, once", async () => {
    const { postgres } = await postgresBinaries();
    await chmod(folder, 0o755);
    // As in a project below a folder that only root may enter.
    const closed = join(folder, "closed");
    await mkdir(closed, { mode: 0o700 });
    await cp(dirname(dirname(postgres)), join(closed, "native"), { recursive: true, verbatimSymlinks: true });
    const binaries = {
      initdb: join(closed, "native/bin/initdb"),
      postgres: join(closed, "native/bin/postgres"),
    };
    const data = join(folder, "data");
    await mkdir(data, { mode: 0o700 });
    const privileges = findPrivileges("account");
    const first = await prepareCluster({ folder: data, binaries, privileges, durable: false });
    expect(first.created).toBe(true);
    const reached = privileges.kind === "account" ? join(data, "programs/bin/postgres") : binaries.postgres;
    expect(first.postgres).toBe(reached);
    const made = await stat(reached);
    const second = await prepareCluster({ folder: data, binaries, privileges, durable: false });
    expect(second).toEqual({ ...first, created: false });
    expect((await stat(reached)).mtimeMs).toBe(made.mtimeMs);
  });

  it("leaves no half-made cluster", async () => {
    const { postgres } = await postgresBinaries();
    const broken = { postgres, initdb: "/bin/false" };
    const privileges = findPrivileges();
    await expect(
      prepareCluster({ folder, binaries: broken, privileges, durable: false }),
    ).rejects.toMatchObject({ code: "DATABASE_UNAVAILABLE" });
    expect(await readdir(folder)).toEqual(["password"]);
    const whole = await prepareCluster({
      folder,
      binaries: await postgresBinaries(),
      privileges,
      durable: true,
    });
    expect(whole.created).toBe(true);
  });
});

describe("accountOf", () => {
  const root = "root:x:0:0:root:/root:/bin/sh";
  const nobody = "nobody:x:65534:65533:nobody:/:/sbin/nologin";
  it.each([
    ["postgres", [root, nobody, "postgres:x:101:104::/:/bin/sh"], { uid: 101, gid: 104 }],
    ["nobody", [root, "me:x:1000:1000::/:/bin/sh", nobody], { uid: 65534, gid: 65533 }],
    [
      "any but root",
      ["", root, "toor:x:0:0::/:/bin/sh", "me:x:1000:1001::/:/bin/sh"],
      { uid: 1000, gid: 1001 },
    ],
    ["a number, at last", [root], { uid: 65534, gid: 65534 }],
  ])("is %s", (_, lines, account) => {
    expect(accountOf(lines.join("\n"))).toEqual(account);
  });
});

describe("startFailure", () => {
  const stamp = "2026-01-01 10:00:00.000 UTC [77] ";
  it.each([
    [
      `${stamp}LOG:  could not bind IPv4 address "127.0.0.1": Address already in use\n${stamp}HINT:  Is another postmaster already running on port 4001?\n${stamp}FATAL:  could not create any TCP/IP sockets`,
      "ADDRESS_IN_USE",
    ],
    [`${stamp}FATAL:  lock file "postmaster.pid" already exists`, "DATA_IN_USE"],
    [`${stamp}FATAL:  pre-existing shared memory block (key 1, ID 2) is still in use`, "DATA_IN_USE"],
    [
      `${stamp}FATAL:  could not write lock file "postmaster.pid": No space left on device`,
      "DATABASE_UNAVAILABLE",
    ],
    [`${stamp}FATAL:  database files are incompatible with server`, "DATABASE_INCOMPATIBLE"],
    [`${stamp}FATAL:  data directory "d" has wrong ownership`, "CONFIG_INVALID"],
    [`${stamp}FATAL:  something new`, "DATABASE_UNAVAILABLE"],
    ["", "DATABASE_UNAVAILABLE"],
  ])("reads %j as %s", (log, code) => {
    const error = startFailure(log, "data/cluster", 4001);
    expect(error).toMatchObject({ code, details: { remedy: expect.any(String), file: "data/cluster" } });
    if (log !== "") expect(error.message).toContain(log.split("\n").at(-1));
  });

  it("tries again only where waiting or another port helps", () => {
    expect(worthRetrying("Address already in use", false)).toBe(true);
    expect(worthRetrying("Address already in use", true)).toBe(false);
    expect(worthRetrying("pre-existing shared memory block", true)).toBe(true);
    expect(worthRetrying("No space left on device", false)).toBe(false);
  });
});

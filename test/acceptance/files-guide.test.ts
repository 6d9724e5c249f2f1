/** The guide of large values, run as written: public surface only. */

import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { graphql, type RunningService, startHoldfast } from "./support/process.ts";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/guide/files.md"), "utf8");
const blocks = [...page.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, language = "", attribute = "", text = ""]) => ({ language, attribute, text }),
);
const folder = mkdtempSync(join(tmpdir(), "holdfast-files-"));
let service: RunningService;

beforeAll(async () => {
  cpSync(join(root, "schema.graphql"), join(folder, "schema.graphql"));
  symlinkSync(join(root, "examples"), join(folder, "examples"));
  const command = join(folder, "holdfast");
  const built = join(root, "dist/src/cli/holdfast.js");
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${built}" "$@"\n`);
  chmodSync(command, 0o755);
  service = await startHoldfast(["--port", "0", "--no-sample"], { cwd: folder });
  const { errors } = await graphql(service.url, rows);
  expect(errors).toBeUndefined();
});
afterAll(async () => {
  await service.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

const rows = `mutation {
  createPreparation(input: {preparation: "slice", description: "a slice"}) { affected { count } }
  createSession(input: {sessionId: 1, preparation: {key: {preparation: "slice"}}, origin: MEASURED, title: "t",
    startedAt: "2026-01-01T00:00:00Z"}) { affected { count } }
  createSweep(input: {session: {key: {sessionId: 1}}, sweepIdx: 0, current: 1, stepOn: 0, stepOff: 1}) { affected { count } }
  createRecording(input: {sweep: {key: {sessionId: 1, sweepIdx: 0}}, samplingRate: 1,
    voltage: {values: {dtype: "float32", shape: [3], data: [1, 2, 3]}}}) { affected { count } }
}`;
const movie = (id: string) => `mutation {
  createMovie(input: {session: {key: {sessionId: 1}}, frameRate: 1, frames: 1, height: 1, width: 1, movie: {upload: "${id}"}}) {
    affected { count }
  }
}`;

function shell(script: string): { status: number | null; out: string; err: string } {
  const env = {
    ...process.env,
    NODE_ENV: "",
    DATABASE_URL: "",
    PGHOST: "",
    PATH: `${folder}:${process.env["PATH"]}`,
    HOLDFAST_URL: service.url,
    XDG_CACHE_HOME: join(folder, "cache"),
  };
  const { status, stdout, stderr } = spawnSync("bash", ["-euc", script], {
    cwd: folder,
    env,
    encoding: "utf8",
  });
  return { status, out: stdout, err: stderr };
}

async function notes(): Promise<{ name: string; text: string }> {
  const { data } = await graphql<{ session: { notes: { name: string; text: string } } }>(
    service.url,
    "{ session(sessionId: 1) { notes { name text } } }",
  );
  if (data === undefined) throw new Error("no answer");
  return data.session.notes;
}

describe("docs/guide/files.md", () => {
  it("shows the files as they are", () => {
    const files = blocks.flatMap(({ attribute, text }) => {
      const path = /^file=(.+)$/.exec(attribute)?.[1];
      return path === undefined ? [] : [[path, text] as const];
    });
    expect(files).toHaveLength(4);
    for (const [path, text] of files)
      expect([path, text]).toEqual([path, readFileSync(join(root, path), "utf8")]);
  });

  it("its commands work, in their order", { timeout: 120_000 }, async () => {
    // The guide updates a movie, which has no row without its frames: that row is made first.
    const first = shell("mkdir -p m && echo x > m/x && holdfast upload m Movie.movie --json");
    const id = JSON.parse(first.out).id as string;
    expect((await graphql(service.url, movie(id))).errors).toBeUndefined();
    const commands = blocks.filter(({ language, attribute }) => language === "sh" && attribute === "");
    expect(commands.length).toBeGreaterThan(4);
    for (const { text } of commands) expect(shell(text)).toMatchObject({ status: 0 });
    expect(await notes()).toEqual({ name: "notes.txt", text: "rested well\n" });
    expect(readFileSync(join(folder, "voltage.npy")).subarray(1, 6).toString()).toBe("NUMPY");
  });

  it("the scripts refuse what is wrong", async () => {
    const missing = shell("sh examples/curl/send.sh notes.txt 99");
    expect([missing.status === 0, missing.err]).toEqual([false, expect.stringContaining("errors")]);
    const python = shell("python3 examples/files/send.py notes.txt 99");
    expect([python.status === 0, python.err.includes("Traceback")]).toEqual([false, false]);
    expect(shell("sh examples/curl/fetch.sh 1 7 none.npy").status).not.toBe(0);
    expect(shell("test ! -e none.npy && test ! -e none.npy.part").status).toBe(0);
  });

  it("fetch.sh goes on where it stopped, and never with bytes of another value", () => {
    const stopped = "head -c 100 voltage.npy > again.npy.part && sh examples/curl/fetch.sh 1 0 again.npy";
    expect(shell(`${stopped} && cmp voltage.npy again.npy`)).toMatchObject({ status: 0 });
    const damaged = "head -c 100 /dev/zero > bad.npy.part; sh examples/curl/fetch.sh 1 0 bad.npy";
    const { status, err } = shell(damaged);
    expect([status, err]).toEqual([1, expect.stringContaining("damaged")]);
    expect(shell("test ! -e bad.npy").status).toBe(0);
  });

  it("send.js sends a File", async () => {
    const { sendNotes } = (await import(pathToFileURL(join(root, "examples/files/send.js")).href)) as {
      sendNotes(file: File, session: number, api: string): Promise<void>;
    };
    await sendNotes(new File(["from a page"], "page.txt"), 1, `${service.url}/graphql`);
    expect(await notes()).toEqual({ name: "page.txt", text: "from a page" });
    const gone = sendNotes(new File(["x"], basename("x.txt")), 99, `${service.url}/graphql`);
    await expect(gone).rejects.toThrow();
  });
});

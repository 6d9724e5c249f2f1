/** `start` as a person at a terminal sees it. */

import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { graphql, holdfast } from "../acceptance/support/process.ts";
import { ctrlC, openTerminal, type Terminal } from "./support/terminal.ts";

// Each step is a process of its own: seconds on an idle machine, more on a busy one.
vi.setConfig({ testTimeout: 90_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-terminal-"));
const open: Terminal[] = [];
const postmaster = join(folder, "data/postgres/cluster/postmaster.pid");

function start(...args: string[]): Terminal {
  const terminal = openTerminal(["start", "--port", "0", ...args], { cwd: folder });
  open.push(terminal);
  return terminal;
}

const urlIn = (terminal: Terminal): string => /http:\/\/127\.0\.0\.1:\d+/.exec(terminal.screen())?.[0] ?? "";

async function stop(terminal: Terminal): Promise<void> {
  terminal.press(ctrlC);
  expect(await terminal.ended).toBe(0);
}

afterEach(async () => {
  for (const terminal of open.splice(0)) terminal.kill();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the first start", () => {
  it("shows progress, then one block with everything that a newcomer needs, and stops at Ctrl-C", async () => {
    copyFileSync(resolve(import.meta.dirname, "../../schema.graphql"), join(folder, "schema.graphql"));
    const terminal = start();
    await terminal.until("Ctrl-C stops");
    const url = urlIn(terminal);
    const screen = terminal.screen();
    expect(terminal.raw()).toMatch(/simulated session .*\d+\/\d+/);
    expect(screen).toMatch(/Holdfast \d+\.\d+\.\d+, ready in \d+\.\d s/);
    for (const part of [
      `${url}/graphql   (GraphiQL`,
      `${url}/graphql   (for programs`,
      `${join(folder, "schema.graphql")}   (edit it`,
      "private PostgreSQL in",
      `main (default) in ${join(folder, "data/stores/main")}`,
      "8 tables, 2",
      "Next: curl",
    ]) {
      expect(screen).toContain(part);
    }
    const python = /python3 -c ".*urlopen\('(http[^']+)'\)/.exec(screen.replaceAll("\n", ""))?.[1] ?? "";
    const array = Buffer.from(await (await fetch(python)).arrayBuffer());
    expect(array.subarray(1, 6).toString()).toBe("NUMPY");
    // Nothing of the log between the lines, and the cursor is back.
    expect(screen).not.toContain('"level"');
    await stop(terminal);
    expect(terminal.raw().lastIndexOf("\u001b[?25h")).toBeGreaterThan(
      terminal.raw().lastIndexOf("\u001b[?25l"),
    );
    expect(existsSync(join(folder, "data/server.json"))).toBe(false);
    expect(existsSync(postmaster)).toBe(false);
  });
});

describe("the schema file on a terminal", () => {
  it("is followed at each save: applied, refused with line and column, or held", async () => {
    const file = join(folder, "schema.graphql");
    const before = readFileSync(file, "utf8");
    const withRoom = before.replace("type Session @table {", "type Session @table {\n  roomName: String");
    const terminal = start();
    await terminal.until("Ctrl-C stops");
    const url = urlIn(terminal);
    const rooms = async () => (await graphql(url, "{ sessions { nodes { roomName } } }")).errors;
    expect((await rooms())?.[0]?.message).toContain("roomName");
    writeFileSync(file, withRoom);
    await terminal.until("applied: Add column lab.session.room_name");
    await terminal.until("Now serving");
    expect(await rooms()).toBeUndefined();
    writeFileSync(file, `${withRoom}\ntype Broken @table { x: Nope }\n`);
    await terminal.until(/schema\.graphql:\d+:\d+ Type Broken has no key/);
    await terminal.until("The schema before it keeps serving");
    expect(await rooms()).toBeUndefined();
    writeFileSync(file, before);
    await terminal.until("DESTRUCTIVE");
    await terminal.until("next: holdfast apply --allow-destructive");
    expect(await rooms()).toBeUndefined();
    const applied = holdfast(["apply", "--allow-destructive"], { cwd: folder });
    expect(applied).toMatchObject({ code: 0, out: expect.stringContaining("applied: Drop column") });
    expect((await rooms())?.[0]?.message).toContain("roomName");
    await stop(terminal);
  });
});

describe("the extension on a terminal", () => {
  it("is followed at each save, from the first on", async () => {
    const file = join(folder, "extensions.ts");
    const terminal = start();
    await terminal.until("Ctrl-C stops");
    const url = urlIn(terminal);
    const answer = (value: number) =>
      `export default { typeDefs: "extend type Query { answer: Int }", query: { answer: (): number => ${value} } };\n`;
    writeFileSync(file, answer(41));
    await terminal.until(/Now serving .*extensions\.ts/);
    expect((await graphql(url, "{ answer }")).data).toEqual({ answer: 41 });
    writeFileSync(file, answer(42).replace("answer:", "answers:"));
    await terminal.until(/extensions\.ts:1:\d+ Nothing answers Query\.answers/);
    await terminal.until("The schema before it keeps serving");
    expect((await graphql(url, "{ answer }")).data).toEqual({ answer: 41 });
    writeFileSync(file, answer(42));
    await terminal.until(/Now serving .*extensions\.ts/);
    expect((await graphql(url, "{ answer }")).data).toEqual({ answer: 42 });
    rmSync(file);
    await terminal.until(/Now serving/);
    expect((await graphql(url, "{ answer }")).errors?.[0]?.message).toContain("answer");
    await stop(terminal);
  });
});

/** An upload whose body is not finished yet. */
async function openUpload(url: string): Promise<{ finish(): void; status: Promise<number | undefined> }> {
  const made = await graphql<{ createUpload: { url: string } }>(
    url,
    `mutation { createUpload(input: {target: {type: "Session", field: "notes"}, filename: "n.txt", sizeBytes: "10"}) { url } }`,
  );
  expect(made.errors).toBeUndefined();
  const sending = request(made.data?.createUpload.url ?? "", {
    method: "PUT",
    headers: { "content-length": 10 },
  });
  const status = new Promise<number | undefined>((done) => {
    sending.on("response", (response) => done(response.resume().statusCode));
    sending.on("error", () => done(undefined));
  });
  sending.write("01234");
  await new Promise((done) => setTimeout(done, 200));
  return { finish: () => sending.end("56789"), status };
}

describe("Ctrl-C", () => {
  it("lets a running upload finish", async () => {
    const terminal = start("--no-watch");
    await terminal.until("Ctrl-C stops");
    const upload = await openUpload(urlIn(terminal));
    terminal.press(ctrlC);
    await terminal.until("Stopping");
    await new Promise((done) => setTimeout(done, 300));
    upload.finish();
    expect(await upload.status).toBe(201);
    expect(await terminal.ended).toBe(0);
  });

  it("pressed twice ends at once, and leaves no database running", async () => {
    const terminal = start("--no-watch");
    await terminal.until("Ctrl-C stops");
    const upload = await openUpload(urlIn(terminal));
    terminal.press(ctrlC);
    await terminal.until("Stopping");
    const asked = performance.now();
    terminal.press(ctrlC);
    expect(await terminal.ended).toBe(130);
    expect(performance.now() - asked).toBeLessThan(6000);
    expect(await upload.status).toBeUndefined();
    expect(existsSync(postmaster)).toBe(false);
  });

  it("stops a start that is not ready yet", async () => {
    const terminal = start("--data", join(folder, "fresh"), "--no-sample");
    while (!existsSync(join(folder, "fresh/owner.json"))) await new Promise((done) => setTimeout(done, 10));
    terminal.press(ctrlC);
    expect(await terminal.ended).toBe(130);
    expect(existsSync(join(folder, "fresh/postgres/cluster/postmaster.pid"))).toBe(false);
  });
});

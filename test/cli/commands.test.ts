/** Every command against one running service, as scripts use it: exit codes, and one JSON document with `--json`. */

import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { graphql, holdfast, startHoldfast } from "../acceptance/support/process.ts";

// Each step is a process of its own: seconds on an idle machine, more on a busy one.
vi.setConfig({ testTimeout: 90_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-commands-"));
const schema = `
extend schema @database(schema: "lab")
enum Side { LEFT RIGHT }
type Sample @table {
  sampleId: BigInt! @key
  side: Side! @key
  label: String
  trace: NdArray @codec(name: "npy", store: "default")
  notes: File @codec(name: "attach", store: "default")
  frames: Tree @codec(name: "object", store: "default")
}
`;
writeFileSync(join(folder, "schema.graphql"), schema);
const service = await startHoldfast(["--port", "0"], { cwd: folder });
afterAll(async () => {
  await service.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => holdfast(args, { cwd: folder });

/** The result of a command that must succeed. */
function json(...args: string[]): unknown {
  const { code, out, err } = run(...args, "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out);
}

/** The error of a command that must fail: alone on stderr, with nothing on stdout. */
function fault(...args: string[]): { code: number | null; error: Record<string, unknown> } {
  const { code, out, err } = run(...args, "--json");
  expect(out).toBe("");
  expect(err.trim().split("\n").length).toBe(1);
  return { code, ...JSON.parse(err) };
}

const key = ["sampleId=9007199254740993", "side=LEFT"];
const created = await graphql(
  service.url,
  `mutation { createSample(input: {sampleId: "9007199254740993", side: LEFT, label: "s",
    trace: {values: {dtype: "float32", shape: [2], data: [1, 2]}}}) { sample { label } } }`,
);

describe("values", () => {
  it("are fetched under a key of any type, checked, and never over a file", () => {
    expect(created.errors).toBeUndefined();
    const to = join(folder, "t.npy");
    const [written] = json("get", "Sample.trace", ...key, "-o", to) as [object];
    const sha256 = createHash("sha256").update(readFileSync(to)).digest("hex");
    expect(written).toEqual({ path: to, bytes: 136, sha256, etag: `"sha256:${sha256}"` });
    expect(readFileSync(to).subarray(1, 6).toString()).toBe("NUMPY");
    expect(fault("get", "Sample.trace", ...key, "-o", to)).toMatchObject({
      code: 4,
      error: { code: "CONFLICT", remedy: expect.stringContaining("--force") },
    });
    expect(run("get", "Sample.trace", ...key, "-o", to, "--force").out).toBe(`${to}: 136 bytes\n`);
    expect(run("get", "Sample.trace", ...key).code).toBe(0);
    expect(run("get", "Sample.trace", ...key, "-o", "-").out).toContain("NUMPY");
    expect(readdirSync(folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it("are sent as files and folders, and come back as they were", () => {
    const file = join(folder, "notes of today.txt");
    writeFileSync(file, "a line\n");
    expect(json("upload", file, "Sample.notes", ...key)).toMatchObject({ id: expect.any(String) });
    json("get", "Sample.notes", ...key, "-o", join(folder, "back.txt"));
    expect(readFileSync(join(folder, "back.txt"), "utf8")).toBe("a line\n");
    const tree = join(folder, "frames");
    mkdirSync(join(tree, "a b"), { recursive: true });
    writeFileSync(join(tree, "0.bin"), Buffer.from([0, 255]));
    writeFileSync(join(tree, "a b/ü%.txt"), "deep");
    expect(run("upload", tree, "Sample.frames", ...key)).toMatchObject({ code: 0 });
    expect(run("get", "Sample.frames", ...key, "-o", join(folder, "frames2")).out).toBe("2 files: 6 bytes\n");
    expect(readFileSync(join(folder, "frames2/a b/ü%.txt"), "utf8")).toBe("deep");
    expect(readFileSync(join(folder, "frames2/0.bin"))).toEqual(Buffer.from([0, 255]));
    expect(fault("get", "Sample.frames", ...key, "-o", "-").code).toBe(2);
  });

  it("are sent ahead of their row where no key is given", async () => {
    const { id } = json("upload", join(folder, "notes of today.txt"), "Sample.notes") as { id: string };
    const set = await graphql(
      service.url,
      `mutation { createSample(input: {sampleId: "2", side: RIGHT, notes: {upload: "${id}"}}) { sample { notes { name text } } } }`,
    );
    expect(set).toMatchObject({ data: { createSample: { sample: { notes: { text: "a line\n" } } } } });
  });

  it.each([
    [["get", "Sample.nothing", ...key], 2, "Sample has"],
    [["get", "Nobody.trace", ...key], 2, "There is no field"],
    [["get", "Sample.trace"], 2, "sampleId=… side=…"],
    [["get", "Sample.trace", "side=LEFT"], 2, "lacks sampleId"],
    [["get", "Sample.trace", "sampleId=1", "sideways=LEFT"], 2, "not a part of the key"],
    [["get", "Sample.trace", "sampleId=1", "side=LEFT"], 3, "no such Sample"],
    [["get", "Sample.trace", "sampleId=2", "side=RIGHT"], 3, "is empty"],
    [["upload", "no-such-file", "Sample.notes", ...key], 3, "no-such-file"],
    [["upload", "schema.graphql", "Sample.notes", "sampleId=77", "side=LEFT"], 3, "no such Sample"],
  ])("%j is refused by name", (args, code, text) => {
    const failed = fault(...args);
    expect(failed.code).toBe(code);
    expect(`${failed.error["message"]} ${failed.error["remedy"]}`).toContain(text);
  });
});

describe("looking", () => {
  it("lists stores, codecs, objects and who refers to them", () => {
    expect(json("stores")).toMatchObject([{ name: "main", isDefault: true, problem: null }]);
    expect(json("codec")).toEqual(json("codec", "list"));
    expect(json("codec", "show", "npy")).toMatchObject({ name: "npy", output: "NdArray" });
    expect(run("codec", "show", "npy").out).toContain("shape: [Int!]");
    expect(fault("codec", "show", "npz")).toMatchObject({ code: 3, error: { code: "NOT_FOUND" } });
    const { nodes } = json("objects") as { nodes: { locator: string }[] };
    expect(nodes.length).toBeGreaterThanOrEqual(3);
    const npy = nodes.find(({ locator }) => locator.endsWith(".npy"))?.locator ?? "";
    expect(json("refs", npy)).toEqual([
      {
        schema: "lab",
        table: "sample",
        column: "trace",
        key: { sample_id: "9007199254740993", side: "LEFT" },
      },
    ]);
    expect(fault("refs", "main:nothing").code).toBe(3);
    expect(json("schema")).toMatchObject({ sdl: expect.stringContaining("type Sample ") });
  });

  it("prints the schemas of a server as those of the file", () => {
    const server = ["--server", service.url];
    expect(json("schema", "print", ...server)).toEqual(json("schema", "print"));
    expect(json("schema", "print", ...server)).toEqual(json("schema"));
    for (const kind of ["--system", "--introspection"])
      expect(json("schema", "print", kind, ...server)).toEqual(json("schema", "print", kind));
    const other = fault("schema", "print", ...server, "--schema", "schema.graphql");
    expect(other).toMatchObject({ code: 2, error: { field: "--schema" } });
  });

  it("says how a list goes on", () => {
    const { out, err, code } = run("objects", "--first", "1", "--prefix", "main:");
    expect(code).toBe(0);
    expect(out.trim().split("\n").length).toBe(2);
    const next = /next: holdfast (.*)/.exec(err)?.[1] ?? "";
    const args = [...next.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
    expect(args.slice(0, 5)).toEqual(["objects", "--prefix", "main:", "--first", "1"]);
    expect(run(...args).out).not.toBe(out);
    expect(fault("objects", "--first", "many").error).toMatchObject({ field: "--first", value: "many" });
  });

  it("verifies stores, one or all, and leaves nothing", () => {
    const [all, ...more] = json("stores", "verify") as { store: string; findings: { ok: boolean }[] }[];
    expect([all?.store, more]).toEqual(["main", []]);
    expect(all?.findings.length).toBeGreaterThan(5);
    expect(all?.findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(run("stores", "verify", "main").out).toMatch(/^main +ok +CONDITIONAL +atomic/m);
    expect(fault("stores", "verify", "other")).toMatchObject({ code: 2, error: { code: "STORE_UNKNOWN" } });
  });

  it("finds nothing wrong", () => {
    const findings = json("doctor") as { check: string; ok: boolean; message: string }[];
    expect(findings.map(({ check }) => check)).toEqual([
      "node",
      "schema file",
      "extension",
      "data folder",
      "stores",
      "database",
      "clock",
      "server",
    ]);
    expect(findings.filter(({ ok }) => !ok)).toEqual([]);
    expect(findings.at(-1)?.message).toContain(service.url);
  });
});

describe("the schema file", () => {
  it("is checked, planned, applied and compared without a terminal", () => {
    expect(json("check")).toMatchObject({ ok: true, entities: ["Sample"] });
    expect(json("plan")).toEqual([]);
    expect(json("drift")).toEqual([]);
    writeFileSync(
      join(folder, "schema.graphql"),
      schema.replace("label: String", "label: String  depth: Float"),
    );
    const planned = run("plan", "--json");
    expect(planned.code).toBe(4);
    expect(JSON.parse(planned.out)).toMatchObject([{ kind: "add-column", entity: "Sample", refusal: null }]);
    expect(run("plan")).toMatchObject({ code: 4, err: "next: holdfast apply\n" });
    expect(run("drift")).toMatchObject({ code: 4, out: expect.stringContaining("lab.sample.depth") });
    expect(json("apply")).toMatchObject([{ kind: "add-column" }]);
    expect(run("plan")).toMatchObject({ code: 0, out: expect.stringContaining("Nothing to do") });
  });

  it("says what cannot be made and what would be lost", () => {
    const file = join(folder, "schema.graphql");
    writeFileSync(file, schema.replace("label: String", "label: String  depth: Float  serial: Int!"));
    const refused = run("plan");
    expect(refused.code).toBe(4);
    expect(refused.out).toMatch(/-- .*serial.*CANNOT BE MADE\n-- {3}\S.*\n-- {3}\S/);
    expect(fault("apply")).toMatchObject({ code: 4, error: { code: "CONSTRAINT_VIOLATION" } });
    writeFileSync(file, schema);
    expect(run("plan")).toMatchObject({ code: 4, out: expect.stringContaining("DESTRUCTIVE") });
    expect(fault("apply")).toMatchObject({ code: 4, error: { code: "DESTRUCTIVE_CHANGE" } });
    expect(run("apply", "--allow-destructive")).toMatchObject({ code: 0 });
  });

  it("is the server's own: another one is not applied by mistake", () => {
    const other = join(folder, "other.graphql");
    writeFileSync(other, "type Other @table { a: Int! @key }");
    expect(fault("plan", "--schema", other)).toMatchObject({ code: 4, error: { code: "CONFLICT" } });
    expect(fault("apply", "--schema", other, "--server", service.url)).toMatchObject({ code: 2 });
    expect(json("check", "--schema", other)).toMatchObject({ entities: ["Other"] });
    const elsewhere = holdfast(["apply", "--json"], {
      cwd: folder,
      env: { DATABASE_URL: "postgresql://someone:secret@127.0.0.1:1/else" },
    });
    expect(elsewhere.code).toBe(4);
    expect(elsewhere.err).not.toContain("secret");
  });
});

describe("which server", () => {
  it("is named by --server from anywhere", () => {
    const args = ["stores", "--json", "--server", service.url];
    const { code, out } = holdfast(args, { cwd: tmpdir() });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([{ name: "main" }]);
  });

  it("must answer, and as Holdfast does", () => {
    expect(fault("stores", "--server", "http://127.0.0.1:1")).toMatchObject({
      code: 6,
      error: { code: "SERVER_UNAVAILABLE", remedy: expect.stringContaining("holdfast start") },
    });
    expect(fault("stores", "--server", "nowhere")).toMatchObject({ code: 2, error: { field: "--server" } });
  });
});

describe("tokens", () => {
  it("are made once, listed without secrets, and revoked", () => {
    const made = json("token", "create", "rig 3", "--right", "write", "--days", "7") as { token: string };
    expect(made).toMatchObject({ name: "rig 3", right: "WRITE", expiresAt: expect.any(String) });
    expect(fault("token", "create", "rig 3")).toMatchObject({ code: 4 });
    expect(fault("token", "create", "x", "--right", "ALL")).toMatchObject({ code: 2 });
    expect(fault("token", "create", "x", "--days", "0")).toMatchObject({ code: 2 });
    expect(json("token", "list")).toMatchObject([{ name: "rig 3", right: "WRITE" }]);
    expect(run("token", "list").out + readFileSync(join(folder, "data/tokens"), "utf8")).not.toContain(
      made.token,
    );
    expect(json("token", "revoke", "rig 3")).toEqual({ revoked: "rig 3" });
    expect(fault("token", "revoke", "rig 3")).toMatchObject({ code: 3 });
    expect(json("token", "list")).toEqual([]);
  });
});

describe("init", () => {
  it("makes a project that checks, and leaves what is there alone", () => {
    const own = join(folder, "my lab");
    expect(json("init", own)).toMatchObject({ folder: own, files: ["schema.graphql", ".gitignore"] });
    expect(holdfast(["check", "--json"], { cwd: own })).toMatchObject({ code: 0, err: "" });
    writeFileSync(join(own, "schema.graphql"), "mine");
    expect(fault("init", own)).toMatchObject({ code: 4, error: { code: "CONFLICT" } });
    expect(readFileSync(join(own, "schema.graphql"), "utf8")).toBe("mine");
    expect(fault("init", join(folder, "schema.graphql/below"))).toMatchObject({ code: 2 });
  });
});

/** Plugins as a laboratory has them: packages installed by npm, used through the API, uninstalled again. Public surface only. */

import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { graphql, holdfast, type RunningService, startHoldfast } from "./support/process.ts";

const root = resolve(import.meta.dirname, "../..");
const base = mkdtempSync(join(tmpdir(), "holdfast-plugins-"));
const project = join(base, "lab");
const examples = ["holdfast-codec-spans", "holdfast-codec-waveform", "holdfast-driver-memory"];
const running: RunningService[] = [];
// npm, a service and several commands in each.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

function npm(...args: string[]): void {
  const quiet = ["--offline", "--no-audit", "--no-fund", "--legacy-peer-deps", "--ignore-scripts"];
  execFileSync("npm", [...args, ...quiet], { cwd: project, stdio: "pipe" });
  // Holdfast itself and what its tests need are not on the registry of this test: they are linked, and npm takes away what it has not installed.
  for (const [name, target] of [
    ["holdfast", root],
    ["fast-check", join(root, "node_modules/fast-check")],
  ] as const) {
    const link = join(project, "node_modules", name);
    mkdirSync(join(project, "node_modules"), { recursive: true });
    if (!existsSync(link)) symlinkSync(target, link);
  }
}

function pack(name: string): string {
  const out = execFileSync("npm", ["pack", join(root, "examples/plugins", name), "--json"], {
    cwd: base,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  // An object by name in newer versions of npm, a list in older ones.
  const told = JSON.parse(out) as Record<string, { filename: string }>;
  return join(base, Object.values(told)[0]?.filename ?? "");
}

const command = ["--data", join(project, "data")];

async function start(): Promise<RunningService> {
  const service = await startHoldfast([...command, "--port", "0"], { cwd: project });
  running.push(service);
  return service;
}

const put = (path: string, text: string) => {
  mkdirSync(join(project, path, ".."), { recursive: true });
  writeFileSync(join(project, path), text);
};

beforeAll(() => {
  put("package.json", '{ "name": "lab", "private": true, "type": "module" }');
  put(
    "schema.graphql",
    `extend schema @database(schema: "lab")
type Unit @table {
  unitId: Int! @key
  name: String
  inRow: Spans @codec(name: "spans")
  spans: Spans! @codec(name: "spans", store: "main", args: {longest: 10})
  sound: Waveform @codec(name: "waveform", store: "main", args: {rate: 8000})
  scratch: File @codec(name: "hash", store: "scratch")
}
`,
  );
  const stores = {
    default: "main",
    main: { protocol: "file", location: join(project, "store") },
    scratch: { protocol: "memory", location: "scratch", most_bytes: 1000 },
  };
  mkdirSync(join(project, "store"));
  put("datajoint.json", JSON.stringify({ stores }));
  npm("install", ...examples.map(pack));
});

afterEach(async () => {
  for (const service of running.splice(0)) await service.end("SIGTERM");
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

const unitsQuery =
  "{ units(orderBy: [{unitId: ASC}]) { totalCount nodes { unitId name inRow { count } spans { count edges } sound { rate samples(from: 1) } } } }";

const asStored = {
  totalCount: 2,
  nodes: [
    {
      unitId: 1,
      name: "a",
      inRow: { count: 1 },
      spans: { count: 2, edges: [0, 1, 5, 6.5] },
      sound: { rate: 8000, samples: [-2, 3] },
    },
    { unitId: 2, name: "b", inRow: null, spans: { count: 0, edges: [] }, sound: null },
  ],
};

describe("plugins", () => {
  it("are installed, listed, and used through the API", async () => {
    const service = await start();
    const created = await graphql(
      service.url,
      `mutation { a: createUnit(input: {unitId: 1, name: "a", inRow: {edges: [1, 2]}, spans: {edges: [0, 1, 5, 6.5]}, sound: {samples: [1, -2, 3]}, scratch: {text: {name: "x", content: "note"}}}) { unit { unitId } }
        b: createUnit(input: {unitId: 2, name: "b", spans: {edges: []}}) { unit { unitId } } }`,
    );
    expect(created.errors).toBeUndefined();
    expect((await graphql(service.url, unitsQuery)).data).toEqual({ units: asStored });
    const filtered = await graphql(
      service.url,
      "{ units(where: {spans: {count: {gt: 1}}}) { nodes { unitId scratch { text } } } }",
    );
    expect(filtered.data).toEqual({ units: { nodes: [{ unitId: 1, scratch: { text: "note" } }] } });
    // The file holds samples and nothing else, under a readable path.
    const { data } = await graphql(service.url, "{ unit(unitId: 1) { sound { url } } }");
    const { url } = (data as { unit: { sound: { url: string } } }).unit.sound;
    const served = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect([url.endsWith(".pcm"), served.toString("hex")]).toEqual([true, "0100feff0300"]);
    const late = await graphql(
      service.url,
      "mutation { createUnit(input: {unitId: 3, spans: {edges: [0, 11]}}) { unit { unitId } } }",
    );
    expect(late.errors).toMatchObject([
      {
        extensions: { code: "CODEC_INVALID_VALUE" },
        message: expect.stringContaining("0 to 10 s are allowed"),
      },
    ]);
    const listed = JSON.parse(holdfast(["codec", "list", "--json", ...command], { cwd: project }).out) as {
      name: string;
    }[];
    expect(listed.find(({ name }) => name === "spans")).toMatchObject({
      source: "holdfast-codec-spans 1.0.0",
      args: "longest: Float! = 86400",
    });
    const shown = await graphql(
      `${service.url}/system`,
      "{ drivers { protocol source } stores { name protocol problem } brokenPlugins { name } }",
    );
    expect(shown.data).toMatchObject({
      drivers: [{ protocol: "memory", source: "holdfast-driver-memory 1.0.0" }],
      brokenPlugins: [],
    });
    expect(await service.end("SIGTERM")).toBe(0);
  });

  it("uninstalled again: rows list, fields answer CODEC_UNAVAILABLE, nothing is taken for garbage", async () => {
    npm("uninstall", "holdfast-codec-spans", "holdfast-codec-waveform");
    const service = await start();
    const { data, errors } = await graphql(service.url, unitsQuery);
    const nodes = asStored.nodes.map((unit) => ({ ...unit, inRow: null, spans: null, sound: null }));
    expect(data).toEqual({ units: { totalCount: 2, nodes } });
    expect(errors?.map(({ path, extensions }) => [path?.join("."), extensions?.["code"]]).sort()).toEqual([
      ["units.nodes.0.inRow", "CODEC_UNAVAILABLE"],
      ["units.nodes.0.sound", "CODEC_UNAVAILABLE"],
      ["units.nodes.0.spans", "CODEC_UNAVAILABLE"],
      ["units.nodes.1.spans", "CODEC_UNAVAILABLE"],
    ]);
    expect(errors?.[0]?.extensions?.["remedy"]).toContain("Install its package again");
    const codeOf = async (text: string) =>
      (await graphql(service.url, text)).errors?.map(({ extensions }) => extensions?.["code"]);
    for (const text of [
      "{ units(where: {spans: {count: {gt: 1}}}) { totalCount } }",
      "{ units(orderBy: [{spans: {count: ASC}}]) { nodes { unitId } } }",
      "{ unit(unitId: 1) { spans { url } } }",
      "mutation { createUnit(input: {unitId: 4, spans: {edges: []}}) { unit { unitId } } }",
      "mutation { updateUnit(key: {unitId: 1}, set: {sound: {samples: []}}) { unit { unitId } } }",
    ])
      expect([text, await codeOf(text)]).toEqual([text, ["CODEC_UNAVAILABLE"]]);
    const renamed = await graphql(
      service.url,
      'mutation { updateUnit(key: {unitId: 1}, set: {name: "c"}) { unit { name } } }',
    );
    expect(renamed).toMatchObject({ data: { updateUnit: { unit: { name: "c" } } } });
    expect(await codeOf("{ units(where: {spans: {isNull: false}}) { totalCount } }")).toBeUndefined();
    const before = await graphql(`${service.url}/system`, "{ objects(first: 100) { totalCount } }");
    const collected = holdfast(["gc", "--apply", "--confirm", "--json", ...command], { cwd: project });
    expect([0, 4, 6]).toContain(collected.code);
    expect(await graphql(`${service.url}/system`, "{ objects(first: 100) { totalCount } }")).toEqual(before);
    await service.end("SIGTERM");
  });

  it("a broken one is named in the log, the list and the error, and takes only its own fields along", async () => {
    put("codecs/waveform.js", "throw new Error('out of order');");
    npm("install", join(base, "holdfast-codec-spans-1.0.0.tgz"));
    const service = await start();
    const { data, errors } = await graphql(
      service.url,
      "{ units(orderBy: [{unitId: ASC}]) { nodes { spans { edges } sound { rate } } } }",
    );
    expect(data).toEqual({
      units: {
        nodes: [
          { spans: { edges: [0, 1, 5, 6.5] }, sound: null },
          { spans: { edges: [] }, sound: null },
        ],
      },
    });
    expect(errors).toMatchObject([
      { extensions: { code: "CODEC_UNAVAILABLE" }, message: expect.stringContaining("out of order") },
    ]);
    expect(service.log()).toContain("out of order");
    const listed = holdfast(["codec", "list", ...command], { cwd: project });
    expect(listed.out).toMatch(/not in service: waveform \(.*waveform\.js\)\n.*out of order/);
    expect(holdfast(["codec", "show", "waveform", ...command], { cwd: project }).err).toContain(
      "out of order",
    );
    await service.end("SIGTERM");
    rmSync(join(project, "codecs"), { recursive: true });
  });

  it("two with one name are refused, and both files told", () => {
    put("codecs/mine.js", readFileSync(join(root, "examples/plugins/holdfast-codec-spans/index.js"), "utf8"));
    const refused = holdfast(["start", ...command], { cwd: project });
    rmSync(join(project, "codecs"), { recursive: true });
    expect(refused.code).toBe(2);
    expect(refused.err).toContain('Two codecs are called "spans"');
    expect(refused.err).toMatch(/mine\.js and holdfast-codec-spans 1\.0\.0/);
  });

  it("an unknown codec that the database never knew is an error of the schema file", () => {
    const wrong = join(project, "wrong.graphql");
    writeFileSync(
      wrong,
      'extend schema @database(schema: "lab2") type A @table { aId: Int! @key x: Xs @codec(name: "xs", store: "main") }',
    );
    const refused = holdfast(["start", "--schema", wrong, ...command], { cwd: project });
    expect(refused.code).toBe(1);
    expect(refused.err).toContain('no codec "xs" is loaded');
  });
});

describe("holdfast codec new", () => {
  it.each(["hash", "schema", "row"])("makes a codec and a test that passes as it is: --store %s", (store) => {
    const name = `new_${store}`;
    const made = holdfast(["codec", "new", name, "--store", store, "--json"], { cwd: project });
    expect(made).toMatchObject({ code: 0 });
    const tested = spawnSync(process.execPath, ["--no-warnings", "--test", `codecs/${name}.test.ts`], {
      cwd: project,
      encoding: "utf8",
      // Nothing of the test runner that runs this.
      env: { PATH: process.env["PATH"] },
    });
    expect(tested.stdout).toMatch(/pass [1-9]\d+\n/);
    expect(tested.status).toBe(0);
    const again = holdfast(["codec", "new", name], { cwd: project });
    expect([again.code, again.err]).toEqual([4, expect.stringContaining("exists already")]);
    const listed = holdfast(["codec", "show", name, ...command, "--schema", "plain.graphql"], {
      cwd: project,
    });
    expect(listed.err).not.toContain("not in service");
  });

  it.each([
    ["Upper", 2, "lower-case letters"],
    ["npy", 4, "There is a codec npy already"],
    ["file", 4, "brings a type File already"],
    ["../x", 2, "lower-case letters"],
  ])("refuses the name %s", (name, code, message) => {
    const refused = holdfast(["codec", "new", name], { cwd: project });
    expect([refused.code, refused.err]).toEqual([code, expect.stringContaining(message)]);
    expect(existsSync(join(project, "codecs", `${name}.ts`))).toBe(false);
  });
});

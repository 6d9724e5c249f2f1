/** The example of the guide, served by the built command and used over HTTP; and files that are broken, as their writer meets them. */

import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { crc32 } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { graphql, holdfast, type RunningService, startHoldfast } from "../acceptance/support/process.ts";

const root = resolve(import.meta.dirname, "../..");
const example = readFileSync(join(root, "examples/extensions/extensions.ts"), "utf8").replace(
  "../../src/extend/contract.ts",
  "holdfast/extend",
);
const folder = mkdtempSync(join(tmpdir(), "holdfast-extend-"));
let service: RunningService;

beforeAll(async () => {
  copyFileSync(join(root, "schema.graphql"), join(folder, "schema.graphql"));
  // As npm would install it.
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/holdfast"), "junction");
  writeFileSync(join(folder, "extensions.ts"), example);
  service = await startHoldfast(["--port", "0", "--no-sample"], { cwd: folder });
  await get(`mutation {
    createPreparation(input: {preparation: "axon", description: "d", sessions: [
      {sessionId: 1, origin: SIMULATED, title: "  steps ", startedAt: "2026-01-01T00:00:00Z", sweeps: [
        {sweepIdx: 1, current: 2.5, stepOn: 100, stepOff: 300, recording: {samplingRate: 1000, voltage: {values: {dtype: "int16", shape: [2], data: [1, 2]}},
          spikeTrain: {spikeCount: 3, rate: 12.5, spikeTimes: {json: []}, spikes: [{spikeIdx: 0, time: 101, peak: 1}, {spikeIdx: 1, time: 104.5, peak: 1}, {spikeIdx: 2, time: 110, peak: 1}]}}},
        {sweepIdx: 2, current: 9, stepOn: 0, stepOff: 10}]},
      {sessionId: 2, origin: MEASURED, title: "none", startedAt: "2026-01-02T00:00:00Z"}]}) { affected { count } } }`);
});
afterAll(async () => {
  await service.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

async function get(query: string) {
  const { data, errors } = await graphql<Record<string, never>>(service.url, query);
  expect(errors).toBeUndefined();
  return data;
}

const fault = async (query: string) => {
  const { data, errors } = await graphql(service.url, query);
  return { data, message: errors?.[0]?.message, code: errors?.[0]?.extensions["code"] };
};

describe("the guide's extension", () => {
  it("is the example, word for word", () => {
    const guide = readFileSync(join(root, "docs/guide/extend-the-api.md"), "utf8");
    const [, shown] = /```ts\n(\/\*\* What the sample[\s\S]*?)```/.exec(guide) ?? [];
    expect(shown).toBe(example);
  });

  it("adds fields among generated ones", async () => {
    expect(
      await get(`{ sessions { nodes { sessionId strongest { sweepIdx charge } } }
        sweeps(first: 1) { nodes { charge current recording { spikeTrain { rate intervals } } } } }`),
    ).toEqual({
      sessions: {
        nodes: [
          { sessionId: 1, strongest: { sweepIdx: 2, charge: 90 } },
          { sessionId: 2, strongest: null },
        ],
      },
      sweeps: {
        nodes: [
          { charge: 500, current: 2.5, recording: { spikeTrain: { rate: 12.5, intervals: [3.5, 5.5] } } },
        ],
      },
    });
    const data = await graphql<{ recordings: { nodes: { crc: string; voltage: { url: string } }[] } }>(
      service.url,
      "{ recordings { nodes { crc voltage { url } } } }",
    );
    const [recording] = data.data?.recordings.nodes ?? [];
    const bytes = await (await fetch(recording?.voltage.url ?? "")).bytes();
    expect(recording?.crc).toBe(crc32(bytes).toString(16).padStart(8, "0"));
  });

  it("adds root operations, and rules for every mutation", async () => {
    expect(
      await get("{ firingCurve(sessionId: 1) { current rate sweep { charge session { title } } } }"),
    ).toEqual({
      firingCurve: [
        { current: 2.5, rate: 12.5, sweep: { charge: 500, session: { title: "steps" } } },
        { current: 9, rate: null, sweep: { charge: 90, session: { title: "steps" } } },
      ],
    });
    expect(
      await get(
        "mutation { a: appendSweep(sessionId: 2, current: 1) { sweepIdx charge } b: appendSweep(sessionId: 2, current: 2) { sweepIdx } deleteSweep(key: {sessionId: 2, sweepIdx: 1}) { sweep { current } } }",
      ),
    ).toEqual({
      a: { sweepIdx: 1, charge: 300 },
      b: { sweepIdx: 2 },
      deleteSweep: { sweep: { current: 1 } },
    });
    const refused = { data: null, code: "BAD_USER_INPUT" };
    expect(await fault("mutation { appendSweep(sessionId: 9, current: 1) { sweepIdx } }")).toEqual({
      ...refused,
      message: "There is no session 9.",
    });
    expect(
      await fault("mutation { appendSweep(sessionId: 1, current: 1, stepOn: 5, stepOff: 5) { sweepIdx } }"),
    ).toEqual({ ...refused, message: "A step ends after it begins." });
    expect(
      await fault(
        'mutation { deletePreparation(key: {preparation: "axon"}, cascade: true) { affected { count } } }',
      ),
    ).toEqual({ ...refused, message: "What was measured once stays." });
    await expect.poll(() => service.log()).toContain('"msg":"sessions changed"');
  });

  it("is in the printed schema, in introspection and in check", async () => {
    const { out } = holdfast(["schema"], { cwd: folder });
    expect(out).toContain('"""Charge density of the step, in nC/cm²."""\n  charge: Float!');
    expect(out).toContain(
      "appendSweep(sessionId: Int!, current: Float!, stepOn: Float! = 100, stepOff: Float! = 400): Sweep!",
    );
    expect(await get('{ __type(name: "FiringPoint") { fields { name } } }')).toEqual({
      __type: { fields: [{ name: "current" }, { name: "rate" }, { name: "sweep" }] },
    });
    expect(holdfast(["check"], { cwd: folder }).out).toContain("extensions.ts: no problems");
  });
});

describe("a broken extension file", () => {
  const cases: readonly (readonly [what: string, text: string, code: string, says: RegExp])[] = [
    [
      "syntax",
      "export default {\n  typeDefs: ``,\n  x y\n};\n",
      "CONFIG_INVALID",
      /broken\.ts:3 cannot be loaded/,
    ],
    [
      "an error at its top",
      "\n\nthrow new Error('no such lab');\n",
      "CONFIG_INVALID",
      /broken\.ts:3 cannot be loaded: no such lab/,
    ],
    [
      "a missing import",
      "import './nowhere.ts';\nexport default {};\n",
      "CONFIG_INVALID",
      /Cannot find module .*nowhere\.ts/,
    ],
    [
      "no default export",
      "export const a = 1;\n",
      "CONFIG_INVALID",
      /has no extension as its default export\. Write: export default defineExtension/,
    ],
    [
      "wrong parts",
      "export default { typeDefs: 1, feilds: {} };\n",
      "CONFIG_INVALID",
      /typeDefs is no string; feilds is no part/,
    ],
    [
      "wrong names",
      example.replace("stepOn stepOff }", "stepOnn }").replace("firingCurve({", "curve({"),
      "SCHEMA_INVALID",
      /:34:7 Nothing answers Query\.firingCurve[\s\S]*:46:27 Cannot query field "stepOnn"[\s\S]*:87:\d+ typeDefs adds no field curve/,
    ],
  ];

  it.each(cases)("is told by check and start: %s", (_, text, code, says) => {
    const file = join(folder, "broken.ts");
    writeFileSync(file, text);
    const checked = holdfast(["--json", "check", "--extensions", file], { cwd: folder });
    const { error } = JSON.parse(checked.err.trim().split("\n").at(-1) ?? "{}") as {
      error: { code: string; message: string };
    };
    expect([checked.code, error.code, error.message]).toEqual([
      code === "CONFIG_INVALID" ? 2 : 1,
      code,
      expect.stringMatching(says),
    ]);
  });

  it("is found by doctor", () => {
    const { out, err } = holdfast(["doctor", "--extensions", join(folder, "broken.ts")], { cwd: folder });
    expect(out + err).toMatch(/Nothing answers Query\.firingCurve/);
    expect(holdfast(["doctor"], { cwd: folder }).out).toMatch(/extension\s.*extensions\.ts/);
  });

  it("stops the start, and a file that is named must be there", () => {
    const args = ["start", "--port", "0", "--no-sample", "--data", join(folder, "other")];
    const broken = holdfast(args, { cwd: folder, env: { HOLDFAST_EXTENSIONS: "broken.ts" } });
    expect([broken.code, broken.err]).toEqual([
      1,
      expect.stringContaining("Nothing answers Query.firingCurve"),
    ]);
    const missing = holdfast(["check"], { cwd: folder, env: { HOLDFAST_EXTENSIONS: "nowhere.ts" } });
    expect([missing.code, missing.err]).toEqual([2, expect.stringContaining("nowhere.ts cannot be read")]);
  });
});

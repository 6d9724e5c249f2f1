/** A field changes its codec under writers, and the service dies on the way: what was acknowledged is there, in the new codec. */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { holdfast, type RunningService, startHoldfast } from "../acceptance/support/process.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-migrate-"));
const schemaFile = join(folder, "schema.graphql");
const data = join(folder, "data");
let service: RunningService | undefined;
afterAll(async () => {
  await service?.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

const before = `type Scan @table {
  scanNo: Int! @key
  plane: String! @key
  traces: Blob! @codec(name: "blob")
  notes: File @codec(name: "attach")
}`;
const after = before
  .replace('Blob! @codec(name: "blob")', 'NdArray! @codec(name: "npy", store: "default")')
  .replace('@codec(name: "attach")', '@codec(name: "attach", store: "default")');

const start = (): Promise<RunningService> =>
  startHoldfast(["--schema", schemaFile, "--data", data, "--port", "0", "--no-sample", "--no-watch"], {
    cwd: folder,
  });

/** `undefined`: no answer, so nobody knows what became of it. */
async function ask(query: string, variables: object = {}, path = "/graphql") {
  try {
    const response = await fetch(`${service?.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(20_000),
    });
    return (await response.json()) as {
      data?: Record<string, unknown> | null;
      errors?: { message: string; extensions: { code: string } }[];
    };
  } catch {
    return undefined;
  }
}

const arrayOf = (numbers: readonly number[]) => ({
  array: { dtype: "int32", shape: [numbers.length], data: numbers },
});
const noteOf = (text: string) => ({
  base64: { name: `${text}.txt`, content: Buffer.from(text).toString("base64") },
});

/** What rows may hold: the last acknowledged value, and those whose outcome is open. */
const wanted = new Map<number, Set<string>>();
const counts = { created: 0, updated: 0, deleted: 0, deaths: 0 };
let isSwapped = false;

async function write(lane: number): Promise<void> {
  let next = lane * 100_000;
  const mine: number[] = [];
  for (let turn = 0; !isSwapped; turn++) {
    await sleep(5);
    const numbers = [lane, turn, next];
    const text = JSON.stringify(numbers);
    const old = mine[turn % Math.max(1, mine.length)];
    const isNew = old === undefined || turn % 3 === 0;
    const isGone = !isNew && turn % 7 === 0;
    const scanNo = isNew ? ++next : (old ?? 0);
    const kept = wanted.get(scanNo) ?? new Set(["none"]);
    wanted.set(scanNo, new Set([...kept, isGone ? "none" : text]));
    const key = { scanNo, plane: "a b" };
    const value = { traces: arrayOf(numbers), notes: noteOf(`n${turn}`) };
    const done = isNew
      ? await ask("mutation ($i: CreateScanInput!) { createScan(input: $i) { __typename } }", {
          i: { ...key, ...value },
        })
      : isGone
        ? await ask("mutation ($k: ScanKey!) { deleteScan(key: $k) { __typename } }", { k: key })
        : await ask(
            "mutation ($k: ScanKey!, $s: ScanPatch!) { updateScan(key: $k, set: $s) { __typename } }",
            { k: key, s: value },
          );
    if (done?.data?.[isNew ? "createScan" : isGone ? "deleteScan" : "updateScan"] != null) {
      wanted.set(scanNo, new Set([isGone ? "none" : text]));
      if (isNew) mine.push(scanNo);
      if (isGone) mine.splice(mine.indexOf(scanNo), 1);
      counts[isNew ? "created" : isGone ? "deleted" : "updated"] += 1;
    } else if (done?.errors?.some(({ extensions }) => extensions.code === "GRAPHQL_VALIDATION_FAILED")) {
      // The new codec is served: it takes other input.
      wanted.set(scanNo, kept);
      return;
    } else if (isGone) mine.splice(mine.indexOf(scanNo), 1);
    if (done === undefined) await sleep(100);
  }
}

const states = async () =>
  (await ask("{ codecChanges { subject state copied failed error } }", {}, "/system/graphql"))?.data?.[
    "codecChanges"
  ] as { state: string; copied: string; failed: string; error: string | null }[] | undefined;

describe("a field that changes its codec under writers", () => {
  test("keeps every acknowledged value through deaths of the service", {
    timeout: 240_000,
  }, async () => {
    writeFileSync(schemaFile, before);
    service = await start();
    for (let at = 0; at < 10; at++) {
      const rows = Array.from({ length: 60 }, (_, index) => {
        const scanNo = 1 + at * 60 + index;
        wanted.set(scanNo, new Set([JSON.stringify([scanNo])]));
        return { scanNo, plane: "a b", traces: arrayOf([scanNo]), notes: noteOf(`s${scanNo}`) };
      });
      const done = await ask("mutation ($r: [CreateScanInput!]!) { createScans(rows: $r) { __typename } }", {
        r: rows,
      });
      expect(done?.errors).toBeUndefined();
    }
    const writing = [1, 2, 3].map((lane) => write(lane));
    writeFileSync(schemaFile, after);
    const plan = holdfast(["plan", "--data", data, "--schema", schemaFile]);
    expect(plan.out).toContain("holdfast migrate keeps");
    const begun = await ask("mutation { beginCodecChanges { state } }", {}, "/system/graphql");
    expect(begun?.data).toEqual({ beginCodecChanges: [{ state: "COPYING" }, { state: "COPYING" }] });
    for (let death = 0; death < 2; death++) {
      await sleep(150 + 250 * death);
      if ((await states())?.every(({ state }) => state === "SWAPPED") === true) break;
      await service.end("SIGKILL");
      counts.deaths += 1;
      // It serves the codec before, and goes on by itself.
      service = await start();
    }
    for (let looks = 0; ; looks++) {
      const found = await states();
      expect(found?.map(({ error }) => error) ?? []).not.toContainEqual(expect.any(String));
      if (found?.every(({ state }) => state === "SWAPPED") === true) break;
      expect(looks).toBeLessThan(600);
      await sleep(200);
    }
    isSwapped = true;
    await Promise.all(writing);
    expect(counts.deaths).toBeGreaterThan(0);
    expect(counts.created + counts.updated).toBeGreaterThan(10);
    await expectAll();
  });

  test("leaves the old values until they are dropped, and nothing for the stores to miss", {
    timeout: 60_000,
  }, async () => {
    const refused = holdfast(["migrate", "--drop-old", "--data", data, "--schema", schemaFile]);
    expect(refused.code).toBe(4);
    const dropped = holdfast(["migrate", "--drop-old", "--confirm", "--data", data, "--schema", schemaFile]);
    expect([dropped.code, dropped.out]).toEqual([0, expect.stringContaining("dropped")]);
    const drift = holdfast(["drift", "--data", data, "--schema", schemaFile]);
    expect([drift.code, drift.out]).toEqual([0, expect.stringContaining("No drift")]);
    const fsck = holdfast(["fsck", "--json", "--data", data]);
    expect(fsck.code).toBe(0);
    await expectAll();
  });

  test("goes back while somebody writes by plain SQL", { timeout: 120_000 }, async () => {
    const { databaseUrl } = JSON.parse(readFileSync(join(data, "server.json"), "utf8")) as {
      databaseUrl: string;
    };
    const client = new Client({ connectionString: databaseUrl });
    await client.connect();
    try {
      writeFileSync(schemaFile, before);
      const begun = await ask("mutation { beginCodecChanges { state } }", {}, "/system/graphql");
      expect(begun?.errors).toBeUndefined();
      // The value of one row goes to another, whichever of the two was copied already.
      const [first, second] = [...wanted].filter(([, texts]) => texts.size === 1 && !texts.has("none"));
      if (first === undefined || second === undefined) throw new Error("no rows");
      const sql = `UPDATE lab.scan SET traces = (SELECT traces FROM lab.scan WHERE scan_no = $1) WHERE scan_no = $2`;
      const { rowCount } = await client.query(sql, [first[0], second[0]]).catch(() => ({ rowCount: 0 }));
      if (rowCount === 1) wanted.set(second[0], first[1]);
      for (let looks = 0; ; looks++) {
        const found = (await states())?.slice(-2);
        if (found?.every(({ state }) => state === "SWAPPED") === true) break;
        expect([looks < 300, found]).toEqual([true, found]);
        await sleep(200);
      }
    } finally {
      await client.end();
    }
    await expectAll("traces { json }", ({ json }) => json);
  });

  test("changes nothing while a value is in the way, and gives up when told to", {
    timeout: 60_000,
  }, async () => {
    const at = ["--data", data, "--schema", schemaFile];
    expect(holdfast(["migrate", "--drop-old", "--confirm", ...at]).code).toBe(0);
    const create = "mutation ($i: CreateScanInput!) { createScan(input: $i) { __typename } }";
    const odd = { scanNo: 77_777, plane: 'it\'s "odd"', traces: { json: { a: 1 } }, notes: noteOf("odd") };
    expect((await ask(create, { i: odd }))?.errors).toBeUndefined();
    writeFileSync(schemaFile, after.replace(/ {2}notes.*\n/, ""));
    const blocked = holdfast(["migrate", ...at]);
    expect([blocked.code, blocked.err]).toEqual([4, expect.stringContaining("Drop column lab.scan.notes")]);
    writeFileSync(schemaFile, after);
    const tried = holdfast(["migrate", ...at]);
    expect(tried.code).toBe(4);
    expect(tried.out).toContain("1 in the way");
    expect(tried.out).toContain('plane=it\'s "odd" scan_no=77777: The value is no array of numbers.');
    const forced = holdfast(["apply", "--allow-destructive", ...at]);
    expect([forced.code, forced.err]).toEqual([4, expect.stringContaining("is changing its codec")]);
    const given = holdfast(["migrate", "--abandon", ...at]);
    expect([given.code, given.out]).toEqual([0, expect.stringContaining("given up")]);
    writeFileSync(schemaFile, before);
    expect(holdfast(["drift", ...at]).out).toContain("No drift");
    const gone = await ask(
      'mutation { deleteScan(key: {scanNo: 77777, plane: "it\'s \\"odd\\""}) { __typename } }',
    );
    expect(gone?.errors).toBeUndefined();
    await expectAll("traces { json }", ({ json }) => json);
  });
});

async function expectAll(
  field = "traces { values }",
  told: (traces: Record<string, unknown>) => unknown = ({ values }) => values,
): Promise<void> {
  const found = new Map<number, string>();
  for (let cursor: unknown = null; ; ) {
    const page = await ask(
      `query ($a: String) { scans(first: 500, after: $a) { nodes { scanNo ${field} notes { name sizeBytes } } pageInfo { hasNextPage endCursor } } }`,
      { a: cursor },
    );
    if (page?.data?.["scans"] === undefined) throw new Error(JSON.stringify(page));
    const { nodes, pageInfo } = page.data["scans"] as {
      nodes: {
        scanNo: number;
        traces: Record<string, unknown>;
        notes: { name: string; sizeBytes: string };
      }[];
      pageInfo: { hasNextPage: boolean; endCursor: unknown };
    };
    for (const { scanNo, traces, notes } of nodes) {
      found.set(scanNo, JSON.stringify(told(traces)));
      expect(notes.name).toBe(`${notes.name.slice(0, -4)}.txt`);
      expect(Number(notes.sizeBytes)).toBe(notes.name.length - 4);
    }
    if (!pageInfo.hasNextPage) break;
    cursor = pageInfo.endCursor;
  }
  const wrong = [...wanted].filter(([scanNo, texts]) => !texts.has(found.get(scanNo) ?? "none"));
  expect(wrong.map(([scanNo, texts]) => [scanNo, [...texts], found.get(scanNo)])).toEqual([]);
  expect([...found.keys()].filter((scanNo) => !wanted.has(scanNo))).toEqual([]);
}

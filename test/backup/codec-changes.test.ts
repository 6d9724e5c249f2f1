/** Backups that are taken while fields change their codec, and after: what was begun goes on elsewhere, what is left is known there. */

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { graphql } from "../acceptance/support/process.ts";
import { freshDatabase } from "../support/database.ts";
import { Project } from "./support/project.ts";

// Each step is a process of its own: seconds on an idle machine, more on a busy one.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-backup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const before = `extend schema @database(schema: "lab")
type Scan @table {
  scanNo: Int! @key
  traces: Blob! @codec(name: "blob")
  notes: File @codec(name: "attach", store: "default")
  spans: Spans @codec(name: "spans")
}
`;
const after = before
  .replace('Blob! @codec(name: "blob")', 'NdArray! @codec(name: "npy", store: "default")')
  .replace('@codec(name: "attach", store', '@codec(name: "hash", store');

// As JSON: columns come in another order.
const allRows = "SELECT to_jsonb(s) FROM lab.scan s";
const columns =
  "SELECT attname FROM pg_attribute WHERE attrelid = 'lab.scan'::regclass AND attnum > 0 AND NOT attisdropped";
const changes =
  "SELECT table_name, column_name, from_spec, to_spec, state, copied FROM holdfast.codec_migration";
/** Everything that hangs on the table, in PostgreSQL's words. */
const definitions = `
  SELECT conname || ' ' || pg_get_constraintdef(oid) AS line FROM pg_constraint WHERE conrelid = 'lab.scan'::regclass
  UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'lab'
  UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'lab.scan'::regclass AND NOT tgisinternal
  UNION ALL SELECT a.attname || ' ' || a.attgenerated::text || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') || ' ' || coalesce(col_description(a.attrelid, a.attnum), '')
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = 'lab.scan'::regclass AND a.attnum > 0 AND NOT a.attisdropped`;

async function ask(url: string, query: string, variables: object = {}): Promise<unknown> {
  const { data, errors } = await graphql(url, query, variables);
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

const create = "mutation ($i: CreateScanInput!) { createScan(input: $i) { __typename } }";
const scan = (scanNo: number) => ({
  scanNo,
  traces: { array: { dtype: "int32", shape: [2], data: [scanNo, 7] } },
  notes: { base64: { name: "n.txt", content: Buffer.from(`note ${scanNo}`).toString("base64") } },
  spans: { edges: [0.5, 1.5] },
});

let lab: Project;
beforeAll(async () => {
  lab = new Project(folder, "lab", await freshDatabase());
  const root = join(import.meta.dirname, "../..");
  for (const made of ["codecs", "node_modules"]) mkdirSync(join(lab.folder, made));
  symlinkSync(root, join(lab.folder, "node_modules/holdfast"));
  cpSync(join(root, "examples/plugins/holdfast-codec-spans/index.js"), join(lab.folder, "codecs/spans.js"));
  writeFileSync(join(lab.folder, "schema.graphql"), before);
  expect(lab.run(["apply"]).code).toBe(0);
  const service = await lab.start();
  for (const scanNo of [1, 2, 3]) await ask(service.url, create, { i: scan(scanNo) });
  // What cannot become an array holds the change half-way.
  await ask(service.url, create, { i: { ...scan(4), traces: { json: { a: 1 } } } });
  writeFileSync(join(lab.folder, "schema.graphql"), after);
  const migrated = lab.run(["migrate"]);
  expect([migrated.code, migrated.out]).toEqual([4, expect.stringContaining("1 in the way")]);
  const { code, err } = lab.run(["backup", "half-way.tar"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  await ask(service.url, "mutation { deleteScan(key: {scanNo: 4}) { __typename } }");
  expect(lab.run(["migrate"]).code).toBe(0);
  expect(lab.run(["backup", "finished.tar"]).code).toBe(0);
  await service.end("SIGTERM");
});

async function restored(name: string, file: string): Promise<Project> {
  const project = new Project(folder, name, await freshDatabase());
  const { code, err } = project.run(["--json", "restore", join(lab.folder, file)]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return project;
}

describe("a backup after fields have changed their codec", () => {
  it("brings the old values, which can be dropped there, and what is known of a codec that is not there", async () => {
    const other = await restored("finished", "finished.tar");
    expect(await other.rows(allRows)).toEqual(await lab.rows(allRows));
    expect(await other.rows(definitions)).toEqual(await lab.rows(definitions));
    expect(await other.rows(changes)).toEqual(await lab.rows(changes));
    expect(await other.rows(columns)).toEqual(expect.arrayContaining(["(_traces_old)", "(__notes_old_ref)"]));
    const service = await other.start();
    const told = await graphql(
      service.url,
      "{ scans { nodes { scanNo traces { values } spans { edges } } } }",
    );
    expect(told.data).toEqual({
      scans: { nodes: [1, 2, 3].map((n) => ({ scanNo: n, traces: { values: [n, 7] }, spans: null })) },
    });
    expect(told.errors?.map(({ extensions }) => extensions["code"])).toEqual(
      Array(3).fill("CODEC_UNAVAILABLE"),
    );
    const dropped = other.run(["migrate", "--drop-old", "--confirm"]);
    expect([dropped.code, dropped.out]).toEqual([0, expect.stringContaining("dropped")]);
    expect((await other.rows(columns)).filter((name) => name.includes("_old"))).toEqual([]);
    expect(other.run(["drift"]).out).toContain("No drift");
    expect(other.run(["fsck"]).code).toBe(0);
    await service.end("SIGTERM");
  });
});

describe("a backup while fields change their codec", () => {
  it("goes on where it is restored, once nothing is in the way", async () => {
    const other = await restored("goes-on", "half-way.tar");
    expect(readFileSync(join(other.folder, "schema.graphql"), "utf8")).toBe(after);
    const service = await other.start();
    // The codec before is served until then; a copy whose source changes is forgotten there too.
    const values = "{ scans { nodes { scanNo traces { json } } } }";
    expect(await ask(service.url, values)).toMatchObject({
      scans: { nodes: [{}, {}, {}, { scanNo: 4, traces: { json: { a: 1 } } }] },
    });
    await ask(
      service.url,
      "mutation ($t: BlobInput!) { updateScan(key: {scanNo: 1}, set: {traces: $t}) { __typename } }",
      {
        t: { array: { dtype: "int32", shape: [1], data: [77] } },
      },
    );
    await ask(service.url, "mutation { deleteScan(key: {scanNo: 4}) { __typename } }");
    const migrated = other.run(["migrate"]);
    expect([migrated.code, migrated.out]).toEqual([0, expect.stringContaining("done")]);
    expect(await ask(service.url, "{ scans { nodes { traces { values } } } }")).toEqual({
      scans: { nodes: [[77], [2, 7], [3, 7]].map((v) => ({ traces: { values: v } })) },
    });
    await service.end("SIGTERM");
  });

  it("is given up where it is restored", async () => {
    const other = await restored("given-up", "half-way.tar");
    const given = other.run(["migrate", "--abandon"]);
    expect([given.code, given.out]).toEqual([0, expect.stringContaining("given up")]);
    expect((await other.rows(columns)).filter((name) => name.includes("_next"))).toEqual([]);
    expect(await other.rows("SELECT scan_no FROM lab.scan")).toHaveLength(4);
  });
});

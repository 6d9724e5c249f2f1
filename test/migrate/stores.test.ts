/** Values go to another store, files and folders, and JSON to blobs and back, while a service serves them. */

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { graphql, type RunningService } from "../acceptance/support/process.ts";
import { Project } from "../backup/support/project.ts";
import { freshDatabase } from "../support/database.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-migrate-"));
let lab: Project;
let service: RunningService;
afterAll(async () => {
  await service.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

const before = `extend schema @database(schema: "lab")
type Item @table {
  itemNo: Int! @key
  doc: JsonDocument @codec(name: "json")
  stack: Zarr @codec(name: "zarr", store: "main")
  note: File @codec(name: "hash", store: "main")
  pack: Blob @codec(name: "blob", store: "main")
  array: NdArray! @codec(name: "npy", store: "main")
  stays: NdArray @codec(name: "npy", store: "main")
}
`;
const after = before
  .replace('JsonDocument @codec(name: "json")', 'Blob @codec(name: "blob")')
  .replaceAll(/(stack|note|pack|array)(.*)store: "main"/g, '$1$2store: "cold"');

async function ask<T = Record<string, unknown>>(query: string, variables: object = {}): Promise<T> {
  const { data, errors } = await graphql<T>(service.url, query, variables);
  if (errors !== undefined || data === undefined) throw new Error(JSON.stringify(errors));
  return data;
}

const values = (dtype: string, data: unknown[]) => ({ values: { dtype, shape: [data.length], data } });
const create = "mutation ($i: CreateItemInput!) { createItem(input: $i) { __typename } }";
const item = (itemNo: number) => ({
  itemNo,
  stack: values("int16", [itemNo, 2, 3]),
  note: { base64: { name: "n.txt", content: Buffer.from(`note ${itemNo % 2}`).toString("base64") } },
  pack: { json: { a: [itemNo] } },
  array: values("float64", [itemNo / 7]),
  stays: values("int8", [itemNo]),
});
const selection =
  "itemNo stack { values } note { url } pack { tagged } array { values sizeBytes } stays { values }";

async function contents(): Promise<unknown> {
  const { items } = await ask<{ items: { nodes: { note: { url: string } }[] } }>(
    `{ items { nodes { ${selection} } } }`,
  );
  const notes = await Promise.all(items.nodes.map(async ({ note }) => (await fetch(note.url)).text()));
  return items.nodes.map((node, at) => ({ ...node, note: notes[at] }));
}

beforeAll(async () => {
  lab = new Project(folder, "lab", await freshDatabase());
  const stores: Record<string, unknown> = { default: "main" };
  for (const name of ["main", "cold"]) {
    mkdirSync(join(lab.folder, name));
    stores[name] = { protocol: "file", location: join(lab.folder, name) };
  }
  writeFileSync(join(lab.folder, "datajoint.json"), JSON.stringify({ stores }));
  writeFileSync(join(lab.folder, "schema.graphql"), before);
  expect(lab.run(["apply"]).code).toBe(0);
  service = await lab.start();
  const docs = ['{"b": [1, 1.50, true], "a": 12345678901234567890}', '"x"', "0.10000000000000000555"];
  for (const [at, raw] of docs.entries()) await ask(create, { i: { ...item(at + 1), doc: { raw } } });
  await ask(create, { i: item(4) });
});

const storesNamed = (column: string) => lab.rows(`SELECT DISTINCT "${column}" ->> 'store' FROM lab.item`);

it("moves files, hashes, blobs and folders, and JSON to blobs", async () => {
  const was = await contents();
  writeFileSync(join(lab.folder, "schema.graphql"), after);
  const alone = JSON.parse(lab.run(["migrate", "--dry-run", "--json"]).out) as { subject: string }[];
  expect(alone.map(({ subject }) => subject)).toEqual(["lab.item.doc"]);
  const planned = JSON.parse(lab.run(["migrate", "--stores", "--dry-run", "--json"]).out);
  const elsewhere = ["stack", "note", "pack", "array"];
  expect(planned).toEqual([
    expect.objectContaining({ subject: "lab.item.doc", from: "<json>", to: "<blob>", values: "3" }),
    ...elsewhere.map((name) =>
      expect.objectContaining({ subject: `lab.item.${name}`, values: "4", obstacle: null }),
    ),
  ]);
  const done = lab.run(["migrate", "--stores"]);
  expect([done.code, done.err]).toEqual([0, expect.stringContaining("--drop-old")]);
  expect(done.out).toContain("lab.item.stack from <zarr@*> to <zarr@cold>: done, 4 copied");
  for (const name of elsewhere) expect(await storesNamed(name)).toEqual(["(cold)"]);
  expect(await storesNamed("stays")).toEqual(["(main)"]);
  expect(await contents()).toEqual(was);
  expect(readdirSync(join(lab.folder, "cold")).sort()).toEqual(["_hash", "_obj", "_schema"]);
  const { items } = await ask<{ items: { nodes: { doc: unknown }[] } }>(
    "{ items { nodes { doc { tagged } } } }",
  );
  expect(JSON.stringify(items.nodes.map(({ doc }) => doc))).toContain(
    '{"t":"int","v":"12345678901234567890"}',
  );
  // What is written now goes there, and nothing is left to do.
  await ask(create, { i: item(5) });
  expect(lab.run(["migrate", "--drop-old", "--confirm"]).code).toBe(0);
  const again = lab.run(["migrate", "--stores", "--dry-run"]);
  expect([again.code, again.out]).toEqual([0, expect.stringContaining("Nothing to do")]);
  expect(lab.run(["drift"]).out).toContain("No drift");
  expect(lab.run(["fsck"]).code).toBe(0);
});

it("tells the key of a blob that JSON could not give back, and goes on without it", async () => {
  const tuple = { t: "tuple", items: [] };
  await ask(create, { i: { ...item(6), doc: { tagged: tuple } } });
  writeFileSync(
    join(lab.folder, "schema.graphql"),
    after.replace('doc: Blob @codec(name: "blob")', 'doc: JsonDocument @codec(name: "json")'),
  );
  const tried = lab.run(["migrate"]);
  expect([tried.code, tried.out]).toEqual([4, expect.stringContaining("item_no=6: The value is no JSON")]);
  await ask("mutation { deleteItem(key: {itemNo: 6}) { __typename } }");
  expect(lab.run(["migrate"]).code).toBe(0);
  expect(await ask("{ items(where: {itemNo: {lte: 3}}) { nodes { doc { raw } } } }")).toEqual({
    items: {
      nodes: ['{"a":12345678901234567890,"b":[1,1.5,true]}', '"x"', "10000000000000000555E-20"].map(
        (raw) => ({
          doc: { raw },
        }),
      ),
    },
  });
});

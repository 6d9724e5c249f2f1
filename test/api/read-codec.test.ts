/** Codec fields: descriptors from the row by SQL alone, the rest completed from the bytes, faults where they happen. */

import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { MovedJson } from "../../src/codec/moved-json.ts";
import { openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Scan @table {
    scan: Int! @key
    traces: NdArray @codec(name: "npy", store: "default")
    settings: Blob @codec(name: "blob")
    far: Blob @codec(name: "blob", store: "default")
    notes: File @codec(name: "attach", store: "default")
    files: [File!]! @codec(name: "attach", store: "default")
  }
`);

beforeAll(async () => {
  await lab.data(`mutation {
    createScans(rows: [
      {scan: 1, traces: {values: {dtype: "float32", shape: [2, 3], data: [1, 2, 3, 4, 5, 6]}}, settings: {json: {a: [1, 2.5]}}, far: {json: {b: 1}},
        notes: {text: {name: "n.txt", content: "hello"}}, files: [{text: {name: "b.txt", content: "B"}}, {text: {name: "a.txt", content: "A"}}]}
      {scan: 2, files: []}
    ]) { count }
  }`);
});

test("a large answer is written by a worker thread and goes into the answer as it is; what is selected of it does not", async () => {
  const elements = Int16Array.from({ length: 600_000 }, (_, at) => at % 1000);
  const data = Buffer.from(elements.buffer).toString("base64");
  await lab.data("mutation ($rows: [CreateScanInput!]!) { createScans(rows: $rows) { count } }", {
    rows: [{ scan: 9, files: [], traces: { base64: { dtype: "int16", shape: [600, 1000], data } } }],
  });
  lab.fromThreads.length = 0;
  const { scan } = await lab.data(
    "{ scan(scan: 9) { scan traces { values again: values statistics { max } } } }",
  );
  const row = Array.from({ length: 1000 }, (_, at) => at);
  expect(scan.scan).toBe(9);
  expect(scan.traces.statistics).toEqual({ max: 999 });
  expect(scan.traces.values).toEqual(Array(600).fill(row));
  expect(scan.traces.again).toEqual(scan.traces.values);
  await lab.data("mutation { deleteScan(key: {scan: 9}) { affected { count } } }");
  const moved = lab.fromThreads.filter((answer) => answer instanceof MovedJson);
  expect([moved.length, lab.fromThreads.length]).toEqual([2, 3]);
});

describe("codec fields", () => {
  test("descriptors take one statement and no store", async () => {
    await rename(join(lab.folder, "main"), join(lab.folder, "away"));
    lab.statements.length = 0;
    const data = await lab.data(
      `{ scans { nodes { scan traces { __typename dtype shape sizeBytes } notes { name sizeBytes } } } }`,
    );
    await rename(join(lab.folder, "away"), join(lab.folder, "main"));
    expect(lab.statements).toHaveLength(1);
    expect(data.scans.nodes).toEqual([
      {
        scan: 1,
        traces: { __typename: "NdArray", dtype: "float32", shape: [2, 3], sizeBytes: expect.any(String) },
        notes: { name: "n.txt", sizeBytes: expect.any(String) },
      },
      { scan: 2, traces: null, notes: null },
    ]);
  });

  test("values, slices and decoded blobs complete the same statement", async () => {
    lab.statements.length = 0;
    const data = await lab.data(
      `{ scan(scan: 1) { t: traces { whole: values part: values(slice: [{index: -1}, {start: 1}]) } settings { json } far { json } notes { text } } }`,
    );
    expect(lab.statements).toHaveLength(1);
    expect(data.scan).toEqual({
      t: {
        whole: [
          [1, 2, 3],
          [4, 5, 6],
        ],
        part: [5, 6],
      },
      settings: { json: { a: [1, 2.5] } },
      far: { json: { b: 1 } },
      notes: { text: "hello" },
    });
  });

  test("fields of one value that are asked together read its bytes once, and are right in any mixture", async () => {
    const { driver } = lab.stores.get("main");
    const paths: string[] = [];
    const { get } = driver;
    const counting: typeof get = (path, options) => {
      paths.push(path);
      return get.call(driver, path, options);
    };
    Object.assign(driver, { get: counting });
    try {
      const { scan } = await lab.data(`{ scan(scan: 1) {
        traces { values base64 statistics { max } part: values(slice: [{index: 1}]) none: values(slice: [{index: 9}]) @skip(if: true) }
        far { json tagged array { dtype } dtype shape again: json values }
        settings { json tagged kind shape } notes { text again: text } } }`);
      const far = {
        t: "dict",
        items: [
          [
            { t: "str", v: "b" },
            { t: "int", v: "1" },
          ],
        ],
      };
      expect(scan).toMatchObject({
        traces: {
          values: [
            [1, 2, 3],
            [4, 5, 6],
          ],
          statistics: { max: 6 },
          part: [4, 5, 6],
        },
        far: {
          json: { b: 1 },
          tagged: far,
          array: null,
          dtype: null,
          shape: null,
          again: { b: 1 },
          values: null,
        },
        settings: { json: { a: [1, 2.5] }, tagged: { t: "dict" }, kind: "dict", shape: null },
        notes: { text: "hello", again: "hello" },
      });
      expect(paths.map((path) => path.split("/")[0]).sort()).toEqual(["_hash", "_hash", "_schema"]);
      paths.length = 0;
      const query = "{ scan(scan: 1) { far { json tagged } } }";
      await Promise.all([lab.data(query), lab.data(query)]);
      expect(paths).toHaveLength(2);
    } finally {
      Object.assign(driver, { get });
    }
  });

  test("a fault of one field is its own where others of the value can be told", async () => {
    const { data, errors } = await lab.ask(
      `{ scan(scan: 1) { traces { values bad: values(slice: [{index: 9}]) statistics { max } } } }`,
    );
    expect(data?.["scan"]).toMatchObject({ traces: { bad: null, statistics: { max: 6 } } });
    expect(errors?.map(({ path }) => path)).toEqual([["scan", "traces", "bad"]]);
  });

  test("lists of codec values keep their order", async () => {
    const data = await lab.data(`{ scans { nodes { files { name text } } } }`);
    expect(data.scans.nodes).toEqual([
      {
        files: [
          { name: "b.txt", text: "B" },
          { name: "a.txt", text: "A" },
        ],
      },
      { files: [] },
    ]);
  });

  test("url is a capability for the object, or for the table's cell where the value is in the row", async () => {
    const { scan } = await lab.data(
      `{ scan(scan: 1) { traces { url } settings { url(expiresIn: 60) } notes { url } } }`,
    );
    const subject = (url: string) =>
      lab.objects.capabilities.verify(new URL(url).pathname.split("/")[2] ?? "");
    expect(subject(scan.traces.url)).toMatchObject({ kind: "object", isTree: false });
    expect(subject(scan.notes.url)).toMatchObject({ kind: "object", skip: "n.txt\0".length });
    expect(subject(scan.settings.url)).toEqual({
      kind: "field",
      schema: "lab",
      table: "scan",
      column: "settings",
      key: [["scan", "1"]],
    });
    expect(new URL(scan.notes.url).pathname.endsWith("/n.txt")).toBe(true);
    const fault = await lab.fault(`{ scan(scan: 1) { traces { url(expiresIn: 604801) } } }`);
    expect(fault).toMatchObject({ code: "BAD_USER_INPUT", path: ["scan", "traces", "url"] });
  });

  test("direct is refused by name where no store can give the value as it is", async () => {
    const { errors } = await lab.ask(
      `{ scan(scan: 1) { traces { url(direct: true) } settings { url(direct: true) } notes { url(direct: true) } } }`,
    );
    const told = errors?.map(({ message, extensions }) => [
      extensions?.["code"],
      extensions?.["field"],
      message,
    ]);
    expect(told).toEqual([
      [
        "BAD_USER_INPUT",
        "direct",
        expect.stringMatching(/^Scan\.traces has no direct URL: .*driver \(file\)/),
      ],
      ["BAD_USER_INPUT", "direct", expect.stringMatching(/^Scan\.settings has no direct URL: .*in the row/)],
      ["BAD_USER_INPUT", "direct", expect.stringMatching(/^Scan\.notes has no direct URL: .*its file name/)],
    ]);
    const { scan } = await lab.data(`{ scan(scan: 1) { traces { url(direct: false) } } }`);
    expect(scan.traces.url).toContain("/d/");
  });

  test("filters by what SQL knows, and refuses by name what it does not", async () => {
    const count = async (where: string) =>
      (await lab.data(`{ scans(where: ${where}) { totalCount } }`)).scans.totalCount;
    expect(await count(`{traces: {dtype: {eq: "float32"}}}`)).toBe(1);
    expect(await count(`{traces: {dtype: {neq: "float32"}}}`)).toBe(1);
    expect(await count(`{traces: {isNull: true}}`)).toBe(1);
    expect(await count(`{not: {traces: {isNull: true}}}`)).toBe(1);
  });

  test("a mutation's payload is read by the same plan, completed after the commit, with errors at their paths", async () => {
    const made = await lab.ask(`mutation {
      one: createScan(input: {scan: 3, settings: {json: {x: 1}}, files: []}) { scan { id settings { json } files { name } } affected { table count } }
      many: createScans(rows: [{scan: 4, files: [], traces: {values: {dtype: "int8", shape: [1], data: [7]}}}]) { count scans { traces { values url(expiresIn: 0) } } }
    }`);
    expect(made.data).toMatchObject({
      one: { scan: { settings: { json: { x: 1 } }, files: [] }, affected: [{ count: 1 }] },
      many: { count: 1 },
    });
    expect(made.errors?.[0]).toMatchObject({
      path: ["many", "scans", 0, "traces", "url"],
      extensions: { code: "BAD_USER_INPUT" },
    });
  });

  test("keys that the peer does not write are read from the bytes", async () => {
    await lab.db.query("UPDATE lab.scan SET notes = notes - 'name' - 'media_type' WHERE scan = 1");
    const data = await lab.data(`{ scan(scan: 1) { notes { name mediaType text } } }`);
    expect(data.scan.notes).toMatchObject({ name: "n.txt", text: "hello" });
  });

  test("an object that is gone is an error of its path; descriptors still answer", async () => {
    await rm(join(lab.folder, "main"), { recursive: true });
    const answer = await lab.ask(`{ scan(scan: 1) { traces { dtype values } } }`);
    expect(answer.data).toMatchObject({ scan: { traces: { dtype: "float32", values: null } } });
    expect(answer.errors?.[0]).toMatchObject({ path: ["scan", "traces", "values"] });
    expect(["OBJECT_MISSING", "STORE_UNAVAILABLE"]).toContain(answer.errors?.[0]?.extensions?.["code"]);
  });
});

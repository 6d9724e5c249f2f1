/** Filters and orders by what the row tells of codec values, those of rows that lack some of it included. */

import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type Answer, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Rig @table { rig: Int! @key }
  type Scan @table {
    scan: Int! @key
    rig: Rig
    traces: NdArray @codec(name: "npy", store: "default")
    notes: File @codec(name: "attach")
    raw: FileRef @codec(name: "filepath", store: "cold")
  }
`);

/** Axes of each scan's array, by the scan's number; none for the last. */
const shapes = [[4], [2, 3], [], [0, 5], [2, 3]];
const elementsOf = (shape: readonly number[]) => shape.reduce((count, length) => count * length, 1);

beforeAll(async () => {
  await mkdir(join(lab.folder, "cold", "day"), { recursive: true });
  for (const name of ["a", "b"]) {
    const file = join(lab.folder, "cold", "day", name);
    await writeFile(file, name);
    await utimes(file, 0, name === "a" ? 1_800_000_000 : 1_700_000_000);
  }
  await lab.data(`mutation { createRigs(rows: [{rig: 1}, {rig: 2}, {rig: 3}]) { count } }`);
  const rows = shapes.map((shape, scan) => ({
    scan,
    rig: { key: { rig: 1 + (scan % 2) } },
    traces: {
      values: { dtype: scan === 0 ? "uint8" : "float64", shape, data: Array(elementsOf(shape)).fill(1) },
    },
    notes: { text: { name: `${"cab"[scan % 3]}.txt`, content: "x".repeat(10 - scan) } },
    ...(scan < 2 ? { raw: { path: `day/${"ab"[scan]}` } } : {}),
  }));
  await lab.data(`mutation($rows: [CreateScanInput!]!) { createScans(rows: $rows) { count } }`, {
    rows: [...rows, { scan: 5 }],
  });
});

const scans = async (args: string, field = "scans"): Promise<number[]> =>
  (await lab.data(`{ ${field}(${args}) { nodes { scan } } }`)).scans.nodes.map((one: Answer) => one.scan);

describe("filters on codec metadata", () => {
  test.each<readonly [string, readonly number[]]>([
    ["{traces: {shape: {eq: [2, 3]}}}", [1, 4]],
    ["{traces: {shape: {neq: [2, 3]}}}", [0, 2, 3, 5]],
    ["{traces: {shape: {eq: []}}}", [2]],
    ["{traces: {shape: {isEmpty: true}}}", [2]],
    ["{traces: {shape: {length: {eq: 2}}}}", [1, 3, 4]],
    ["{traces: {shape: {has: 0}}}", [3]],
    ['{traces: {shape: {hasSome: [4, 5]}, dtype: {eq: "uint8"}}}', [0]],
    ["{not: {traces: {shape: {length: {gte: 1}}}}}", [2, 5]],
    ['{raw: {modifiedAt: {gt: "2026-01-01T00:00:00Z"}}}', [0]],
    ["{raw: {isDirectory: {eq: false}}}", [0, 1]],
    ["{raw: {isDirectory: {isNull: true}}}", [2, 3, 4, 5]],
    ['{raw: {modifiedAt: {lte: "2026-01-01T00:00:00Z"}}}', [1]],
  ])("%s", async (where, expected) => {
    expect(await scans(`where: ${where}`)).toEqual(expected);
  });

  test("an instant that another program wrote in its own way is no fault", async () => {
    const wrong = ["2026-02-30T00:00:00Z", "yesterday", "0000-01-01T00:00:00Z", "2026-13-01T00:00:00Z"];
    for (const text of wrong) {
      await lab.db.query(
        `UPDATE lab.scan SET raw = jsonb_set(raw, '{modified_at}', to_jsonb($1::text)) WHERE scan = 1`,
        [text],
      );
      expect(await scans(`where: {raw: {modifiedAt: {isNull: false}}}`)).toEqual([0]);
    }
    await lab.db.query(
      `UPDATE lab.scan SET raw = jsonb_set(raw, '{modified_at}', '"2024-02-29T23:59:59.5+02:00"') WHERE scan = 1`,
    );
    expect(await scans(`where: {raw: {modifiedAt: {eq: "2024-02-29T21:59:59.5Z"}}}`)).toEqual([1]);
    // Answered as every DateTime is: in UTC, without zeros at the end of the fraction.
    const { scan } = await lab.data("{ scan(scan: 1) { raw { modifiedAt } } }");
    expect(scan.raw.modifiedAt).toBe("2024-02-29T21:59:59.5Z");
  });
});

describe("orders by codec metadata", () => {
  const orders: readonly (readonly [string, readonly number[]])[] = [
    ["[{traces: {sizeBytes: ASC}}]", [3, 0, 2, 1, 4, 5]],
    ["[{traces: {sizeBytes: DESC}}]", [5, 1, 4, 2, 0, 3]],
    ["[{traces: {dtype: ASC}}, {traces: {sizeBytes: DESC_NULLS_LAST}}]", [1, 4, 2, 3, 0, 5]],
    ["[{notes: {name: ASC}}, {scan: DESC}]", [4, 1, 2, 3, 0, 5]],
    ["[{notes: {sizeBytes: ASC_NULLS_FIRST}}]", [5, 4, 3, 2, 1, 0]],
    ["[{raw: {modifiedAt: DESC_NULLS_LAST}}]", [0, 1, 2, 3, 4, 5]],
    ["[{raw: {isDirectory: DESC}}]", [2, 3, 4, 5, 0, 1]],
  ];

  test.each(orders)("%s, whole and page by page in both directions", async (orderBy, expected) => {
    expect(await scans(`orderBy: ${orderBy}`)).toEqual(expected);
    for (const [size, from, cursor] of [
      ["first", "after", "endCursor"],
      ["last", "before", "startCursor"],
    ] as const) {
      const seen: number[][] = [];
      for (let at: string | undefined, more = true; more; ) {
        const bound = at === undefined ? "" : `, ${from}: "${at}"`;
        const { scans: page } = await lab.data(
          `{ scans(orderBy: ${orderBy}, ${size}: 2${bound}) { nodes { scan } pageInfo { ${cursor} hasNextPage hasPreviousPage } } }`,
        );
        seen.push(page.nodes.map((one: Answer) => one.scan));
        at = page.pageInfo[cursor];
        more = size === "first" ? page.pageInfo.hasNextPage : page.pageInfo.hasPreviousPage;
      }
      expect((size === "first" ? seen : seen.reverse()).flat()).toEqual(expected);
    }
  });

  test("children by what is told of their values, and sums of numbers only", async () => {
    const rigs = async (order: string) =>
      (await lab.data(`{ rigs(orderBy: [{scans: ${order}}]) { nodes { rig } } }`)).rigs.nodes.map(
        (one: Answer) => one.rig,
      );
    expect(await rigs(`{max: {traces: {sizeBytes: DESC_NULLS_LAST}}}`)).toEqual([1, 2, 3]);
    expect(await rigs(`{sum: {notes: {sizeBytes: DESC_NULLS_LAST}}}`)).toEqual([1, 2, 3]);
    expect(await rigs(`{max: {notes: {sizeBytes: ASC}}}`)).toEqual([2, 1, 3]);
    const fault = await lab.fault(
      `{ rigs(orderBy: [{scans: {sum: {notes: {name: ASC}}}}]) { nodes { rig } } }`,
    );
    expect(fault).toMatchObject({ code: "BAD_USER_INPUT", extensions: { field: "orderBy" } });
  });

  test("what only the bytes tell is refused where no row is read in that order, too", async () => {
    for (const order of ["{notes: {mediaType: ASC}}", "{rig: {scans: {max: {notes: {mediaType: ASC}}}}}"]) {
      for (const asked of ["totalCount", "groupBy(by: [RIG]) { key { rig } }", "aggregate { count }"]) {
        const fault = await lab.fault(`{ scans(orderBy: [${order}]) { ${asked} } }`);
        expect([order, asked, fault.code]).toEqual([order, asked, "BAD_USER_INPUT"]);
      }
    }
    const told = await lab.data(`{ scans(orderBy: [{notes: {name: ASC}}]) { totalCount } }`);
    expect(told.scans.totalCount).toBeGreaterThan(0);
  });

  test("what only the bytes tell is refused by name, each time", async () => {
    for (let times = 0; times < 2; times++) {
      expect(
        await lab.fault(`{ scans(orderBy: [{notes: {mediaType: ASC}}]) { nodes { scan } } }`),
      ).toMatchObject({
        code: "BAD_USER_INPUT",
        extensions: { field: "notes.mediaType" },
      });
    }
    const shape = await lab.fault(`{ scans(orderBy: [{traces: {shape: ASC}}]) { nodes { scan } } }`);
    expect(shape.code).toBe("GRAPHQL_VALIDATION_FAILED");
  });
});

describe("aggregates of codec metadata", () => {
  test("sums, averages and extremes are those of the rows, whole and in groups", async () => {
    const { scans: told } = await lab.data(`{ scans {
      nodes { traces { sizeBytes dtype } notes { sizeBytes name } raw { modifiedAt isDirectory } }
      aggregate {
        sum { __typename traces { sizeBytes } notes { __typename sizeBytes } }
        avg { notes { sizeBytes } }
        min { traces { size: sizeBytes dtype } raw { modifiedAt isDirectory } }
        max { notes { name sizeBytes } raw { modifiedAt } }
      }
      groupBy(by: [RIG], having: {sum: {notes: {sizeBytes: {gt: "16"}}}, max: {notes: {name: {gte: "c"}}}}, orderBy: [{sum: {notes: {sizeBytes: ASC}}}]) {
        key { rig } aggregate { sum { notes { sizeBytes } } max { traces { dtype } } }
      }
    } }`);
    const sizes = (field: string) =>
      told.nodes.flatMap((one: Answer) => (one[field] === null ? [] : [BigInt(one[field].sizeBytes)]));
    const sum = (field: string) => String(sizes(field).reduce((a: bigint, b: bigint) => a + b, 0n));
    const smallest = sizes("traces").reduce((a: bigint, b: bigint) => (b < a ? b : a));
    expect(told.aggregate).toEqual({
      sum: {
        __typename: "ScanSums",
        traces: { sizeBytes: sum("traces") },
        notes: { __typename: "FileSums", sizeBytes: sum("notes") },
      },
      avg: { notes: { sizeBytes: "8" } },
      min: {
        traces: { size: String(smallest), dtype: "float64" },
        raw: { modifiedAt: "2024-02-29T21:59:59.5Z", isDirectory: false },
      },
      max: { notes: { name: "c.txt", sizeBytes: "10" }, raw: { modifiedAt: "2027-01-15T08:00:00Z" } },
    });
    expect(told.groupBy).toEqual([
      {
        key: { rig: 1 },
        aggregate: { sum: { notes: { sizeBytes: "24" } }, max: { traces: { dtype: "uint8" } } },
      },
    ]);
  });

  test("what only the bytes tell is refused by name", async () => {
    const fault = await lab.fault("{ scans { aggregate { max { notes { mediaType } } } } }");
    expect(fault).toMatchObject({ code: "BAD_USER_INPUT", extensions: { field: "notes.mediaType" } });
    const nothing = await lab.fault(
      `{ scans { groupBy(by: [RIG], having: {max: {traces: {dtype: null}}}) { key { rig } } } }`,
    );
    expect(nothing.code).toBe("BAD_USER_INPUT");
  });
});

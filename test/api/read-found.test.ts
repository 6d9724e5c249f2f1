/** Faults that the parity suite has found, each as small as it can be told. */

import { beforeAll, expect, test } from "vitest";
import { openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Probe @table {
    probe: Int! @key
    count: BigInt @column(type: "int32")
    small: Int @column(type: "int8")
    bytes: Bytes
    at: DateTime
    code: String @column(type: "char(4)")
    raw: FileRef @codec(name: "filepath", store: "cold")
    volume: Tree @codec(name: "object", store: "main")
  }
`);

beforeAll(async () => {
  await lab.data(`mutation {
    createProbes(rows: [{probe: 1, count: 5, small: 7, code: "a="}, {probe: 2}]) { count }
  }`);
});

/** Keys of the probes that a filter takes. */
async function found(where: object): Promise<readonly number[]> {
  const { probes } = await lab.data(
    "query ($where: ProbeFilter) { probes(where: $where) { nodes { probe } } }",
    {
      where,
    },
  );
  return probes.nodes.map(({ probe }: { probe: number }) => probe);
}

test("a number beyond the column's range is no row's value, and no fault, whatever the scalar", async () => {
  expect(await found({ count: { gt: "-9223372036854775808" } })).toEqual([1]);
  expect(await found({ count: { in: ["9223372036854775807", "5"] } })).toEqual([1]);
  expect(await found({ count: { neq: "9223372036854775807" } })).toEqual([1, 2]);
  expect(await found({ small: { lt: 2147483647 } })).toEqual([1]);
});

test("introspection stands beside filters by variables, whatever their scalars", async () => {
  const query = `query ($where: ProbeFilter, $type: String!, $deep: Boolean!) {
    probes(where: $where) { totalCount }
    __type(name: $type) { name ...Kind }
  }
  fragment Kind on __Type { kind @include(if: $deep) }`;
  const where = {
    not: { bytes: { eq: "Vqfq" }, at: { gt: "2026-01-01T00:00:00+02:00" }, count: { lt: "7" } },
  };
  expect(await lab.data(query, { where, type: "Probe", deep: true })).toEqual({
    probes: { totalCount: 2 },
    __type: { name: "Probe", kind: "OBJECT" },
  });
});

test("of a row without a codec value nothing is told: not even that it is no folder", async () => {
  for (const field of ["raw", "volume"]) {
    expect(await found({ [field]: { isDirectory: { eq: false } } })).toEqual([]);
    expect(await found({ [field]: { isDirectory: { isNull: true } } })).toEqual([1, 2]);
    expect(await found({ [field]: { isDirectory: { neq: false } } })).toEqual([1, 2]);
  }
});

test("null is no element of a list that must not have it, by whatever way it comes", async () => {
  const query = `query ($key: ProbeGroupKey = SMALL) { probes { groupBy(by: [$key, COUNT]) { aggregate { count } } } }`;
  expect(await lab.fault(query, { key: null })).toMatchObject({
    code: "BAD_USER_INPUT",
    message: 'An element of "by" of non-null type must not be null.',
  });
  const list = "query ($one: Int = 7) { probes(where: { small: { notIn: [$one] } }) { totalCount } }";
  expect(await lab.fault(list, { one: null })).toMatchObject({ code: "BAD_USER_INPUT" });
  expect(await lab.data(list, {})).toEqual({ probes: { totalCount: 1 } });
});

test("no text operator sees the blanks at the end of char(n)", async () => {
  const operators = { like: "%=", ilike: "A=", startsWith: "a=", endsWith: "=", contains: "a=" };
  for (const [name, text] of Object.entries(operators))
    expect(await found({ code: { [name]: text } })).toEqual([1]);
  for (const name of ["like", "endsWith", "contains"])
    expect(await found({ code: { [name]: "a= " } })).toEqual([]);
});

import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Site @table { site: String! @key name: String }
type Probe @table {
  probe: Int! @key
  label: String! @unique
  gain: Float
  note: String
  site: Site
}
type Contact @table(partOf: "Probe") { probe: Probe! @key contact: Int! @key depth: Int! }
`);

const many = `mutation ($rows: [CreateProbeInput!]!, $rule: OnConflict!) {
  createProbes(rows: $rows, onConflict: $rule) { count skipped probes { probe label gain note } affected { table count } }
}`;
const create = (rows: unknown[], rule = "ABORT") => world.data(many, { rows, rule });

test("10,000 rows go in at once, in their order, with one statement a table", async () => {
  const rows = Array.from({ length: 10_000 }, (_, index) => ({
    probe: 20_000 - index,
    label: `p${index}`,
    gain: index / 3,
    contacts: index % 10 === 0 ? [{ contact: 1, depth: index }] : [],
  }));
  const statements: string[] = [];
  const watched = watch(statements);
  const began = performance.now();
  const answer = await world.run(many, { rows, rule: "ABORT" }, { services: { db: watched } });
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(answer.errors).toEqual([]);
  const payload = answer.data?.["createProbes"] as { count: number; probes: { probe: number }[] };
  expect(payload.count).toBe(10_000);
  expect(payload.probes.map(({ probe }) => probe)).toEqual(rows.map(({ probe }) => probe));
  expect(statements.filter((text) => text.includes("INSERT INTO"))).toHaveLength(2);
  const { rows: sums } = await world.db.query(
    "SELECT count(*) AS n, sum(gain)::float8 AS gain FROM lab.probe",
  );
  expect(sums).toEqual([
    {
      n: "10000",
      gain: expect.closeTo(
        rows.reduce((sum, { gain }) => sum + gain, 0),
        3,
      ),
    },
  ]);
});

function watch(statements: string[]): typeof world.db {
  const { db } = world;
  return {
    ...db,
    transaction: (work, options) =>
      db.transaction(
        (transaction) =>
          work({
            ...transaction,
            query: (text, values, how) => {
              statements.push(text);
              return transaction.query(text, values, how);
            },
          }),
        options,
      ),
  };
}

test("an empty list writes nothing", async () => {
  expect((await create([])).createProbes).toEqual({ count: 0, skipped: 0, probes: [], affected: [] });
});

test("ABORT refuses the whole list and names the row", async () => {
  const before = await world.traces();
  const fault = await world.fault(many, {
    rule: "ABORT",
    rows: [
      { probe: 30_001, label: "new" },
      { probe: 20_000, label: "again" },
    ],
  });
  expect(fault.extensions).toMatchObject({
    code: "CONSTRAINT_VIOLATION",
    field: "rows.1.probe",
    value: "20000",
    constraint: "probe_pkey",
    retryable: false,
  });
  expect(fault).toMatchObject({ path: ["createProbes"], data: null });
  expect(await world.traces()).toEqual(before);
});

test("SKIP leaves rows that exist and their children, and a twin within the list", async () => {
  const answer = await create(
    [
      { probe: 20_000, label: "changed", contacts: [{ contact: 9, depth: 1 }] },
      { probe: 30_010, label: "s1", contacts: [{ contact: 1, depth: 1 }], site: { create: { site: "s" } } },
      { probe: 30_010, label: "s2", contacts: [{ contact: 2, depth: 1 }], site: { create: { site: "s" } } },
    ],
    "SKIP",
  );
  expect(answer.createProbes).toEqual({
    count: 1,
    skipped: 2,
    probes: [{ probe: 30_010, label: "s1", gain: null, note: null }],
    affected: [
      { table: "lab.probe", count: 1 },
      { table: "lab.probe__contact", count: 1 },
      { table: "lab.site", count: 1 },
    ],
  });
  const { rows } = await world.db.query("SELECT label FROM lab.probe WHERE probe = 20000");
  expect(rows).toEqual([{ label: "p0" }]);
});

test("SKIP does not hide the violation of another unique", async () => {
  const fault = await world.fault(many, { rule: "SKIP", rows: [{ probe: 30_020, label: "p0" }] });
  expect(fault.extensions).toMatchObject({
    code: "CONSTRAINT_VIOLATION",
    field: "rows.0.label",
    value: "p0",
  });
});

test("UPDATE changes what is given and keeps the rest", async () => {
  await create([
    { probe: 1, label: "one", gain: 1.5, note: "keep" },
    { probe: 2, label: "two", gain: 2.5, note: "keep" },
  ]);
  const answer = await create(
    [
      { probe: 1, label: "uno" },
      { probe: 2, label: "dos", note: null },
      { probe: 3, label: "tres", note: "new" },
    ],
    "UPDATE",
  );
  expect(answer.createProbes).toMatchObject({
    count: 3,
    probes: [
      { probe: 1, label: "uno", gain: 1.5, note: "keep" },
      { probe: 2, label: "dos", gain: 2.5, note: null },
      { probe: 3, label: "tres", gain: null, note: "new" },
    ],
  });
});

test("UPDATE does not write a row that has all the given values, and answers it", async () => {
  await create([
    { probe: 51, label: "fifty-one", gain: 1, contacts: [{ contact: 1, depth: 1 }] },
    { probe: 52, label: "fifty-two", gain: 2 },
  ]);
  const before = await world.db.query("SELECT xmin::text FROM lab.probe WHERE probe = 51");
  const answer = await create(
    [
      { probe: 51, label: "fifty-one", gain: 1, contacts: [{ contact: 1, depth: 1 }] },
      { probe: 52, label: "fifty-two", gain: 3 },
    ],
    "UPDATE",
  );
  expect(answer.createProbes).toMatchObject({
    count: 2,
    skipped: 0,
    probes: [
      { probe: 51, gain: 1 },
      { probe: 52, gain: 3 },
    ],
    affected: [{ table: "lab.probe", count: 1 }],
  });
  const after = await world.db.query("SELECT xmin::text FROM lab.probe WHERE probe = 51");
  expect(after.rows).toEqual(before.rows);
});

test("UPDATE refuses one key twice in a list", async () => {
  const fault = await world.fault(many, {
    rule: "UPDATE",
    rows: [
      { probe: 7, label: "a" },
      { probe: 7, label: "b" },
    ],
  });
  expect(fault.extensions).toMatchObject({ code: "BAD_USER_INPUT", field: "rows.1" });
  expect(fault.message).toBe("rows.1 has the same key as rows.0.");
});

test("refuses more rows than the limit, by name", async () => {
  const rows = [
    { probe: 40_001, label: "x" },
    { probe: 40_002, label: "y" },
  ];
  const answer = await world.run(
    many,
    { rows, rule: "ABORT" },
    { services: { limits: { rows: 1, attempts: 1 } } },
  );
  expect(answer.errors[0]?.extensions).toMatchObject({ code: "LIMIT_EXCEEDED", limit: 1 });
});

import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
enum Sex { M F U }
type Species @table(tier: LOOKUP) { species: String! @key @column(type: "varchar(24)") }
type Subject @table {
  subjectId: Int! @key
  name: String! @column(type: "varchar(8)") @unique
  species: Species
  sex: Sex
  birth: Date
  weight: Float @column(type: "float32")
  mass: Float
  noise: Float64
  tiny: Int @column(type: "int8")
  small: Int @column(type: "int16")
  big: BigInt
  dose: Decimal @column(type: "decimal(6,2)")
  seen: DateTime
  tags: [String!]
  counts: [BigInt!]
  numbers: [Float!]
  extra: JSON
  chip: UUID
  raw: Bytes
  code: String @column(type: "char(4)")
  alive: Boolean
}
type Session @table { subject: Subject! @key sessionIdx: Int! @key }
type Drug @table { drug: String! @key }
type Batch @table { drug: Drug! @key batch: Int! @key }
type Dose @table { drug: Drug! @key dose: Int! @key batch: Batch!  }
type Assay @table { assay: Int! @key  batch: Batch  other: Batch @reference(columns: ["drug", "other_batch"]) @reverse(name: "others") }
`);

await world.data(`mutation {
  createSpecies(input: {species: "mouse"}) { affected { count } }
  createSubject(input: {subjectId: 1, name: "taken", sessions: [{sessionIdx: 1}]}) { affected { count } }
  a: createDrug(input: {drug: "a"}) { affected { count } }
  b: createDrug(input: {drug: "b"}) { affected { count } }
  c: createBatch(input: {drug: {key: {drug: "b"}}, batch: 1}) { affected { count } }
}`);

const text =
  "mutation ($input: CreateSubjectInput!) { createSubject(input: $input) { subject { subjectId } } }";
const good = { subjectId: 2, name: "new" };
const deep = (levels: number): unknown => (levels === 0 ? {} : { a: deep(levels - 1) });

/** What is wrong, the input's change, the code (of the GraphQL layer where the type itself refuses), the field, words of the message. */
const cases: [string, Record<string, unknown>, string, string | undefined, RegExp][] = [
  ["a duplicate key", { subjectId: 1 }, "CONSTRAINT_VIOLATION", "input.subjectId", /subject_pkey/],
  [
    "a duplicate unique",
    { name: "taken" },
    "CONSTRAINT_VIOLATION",
    "input.name",
    /already has a row with name = taken/,
  ],
  [
    "a missing parent",
    { species: { key: { species: "yeti" } } },
    "CONSTRAINT_VIOLATION",
    "input.species",
    /species = yeti, which does not exist/,
  ],
  [
    "a duplicate child key",
    { sessions: [{ sessionIdx: 1 }, { sessionIdx: 1 }] },
    "CONSTRAINT_VIOLATION",
    "input.sessions.1.subject, input.sessions.1.sessionIdx",
    /session_pkey/,
  ],
  [
    "a parent that exists already",
    { species: { create: { species: "mouse" } } },
    "CONSTRAINT_VIOLATION",
    "input.species.create.species",
    /#species_pkey/,
  ],
  [
    "a fault far inside",
    { sessions: [{ sessionIdx: 1, subject: { key: { subjectId: 9 } } }] },
    "BAD_USER_INPUT",
    "input.sessions.0.subject.key",
    /disagrees with "2"/,
  ],
  ["null for a key", { subjectId: null }, "", undefined, /non-nullable type "Int!"/],
  ["no key", { subjectId: undefined }, "", undefined, /"subjectId" of required type "Int!" was not provided/],
  ["an unknown field", { nonsense: 1 }, "", undefined, /"nonsense" is not defined/],
  [
    "two ways to refer",
    { species: { key: { species: "mouse" }, create: { species: "rat" } } },
    "",
    undefined,
    /Exactly one key must be specified/,
  ],
  ["text for a number", { subjectId: "2" }, "", undefined, /Int cannot represent/],
  ["a number for text", { name: 5 }, "", undefined, /String cannot represent/],
  ["a number beyond 32 bits", { subjectId: 2147483648 }, "", undefined, /32-bit/],
  [
    "int8 above its range",
    { tiny: 128 },
    "BAD_USER_INPUT",
    "input.tiny",
    /out of range of int8. Use -128 to 127/,
  ],
  ["int8 below its range", { tiny: -129 }, "BAD_USER_INPUT", "input.tiny", /int8/],
  ["int16 above its range", { small: 32768 }, "BAD_USER_INPUT", "input.small", /smallint/],
  ["64 bits exceeded", { big: "9223372036854775808" }, "", undefined, /BigInt cannot represent/],
  ["64 bits as a number", { big: 2 ** 60 }, "", undefined, /BigInt cannot represent/],
  [
    "64 bits exceeded in a list",
    { counts: ["1", "-9223372036854775809"] },
    "",
    undefined,
    /BigInt cannot represent/,
  ],
  ["NaN for Float", { mass: Number.NaN }, "", undefined, /Float cannot represent/],
  ["an infinity for Float", { mass: Number.POSITIVE_INFINITY }, "", undefined, /Float cannot represent/],
  [
    "an infinity in a list",
    { numbers: [1, Number.NEGATIVE_INFINITY] },
    "",
    undefined,
    /Float cannot represent/,
  ],
  ["float32 too large", { weight: 1e39 }, "BAD_USER_INPUT", "input.weight", /out of range of float32/],
  ["float32 too small", { weight: 1e-60 }, "BAD_USER_INPUT", "input.weight", /out of range of float32/],
  ["a wrong word for Float64", { noise: "nan" }, "", undefined, /Float64 cannot represent/],
  [
    "a decimal with too many digits",
    { dose: "1.234" },
    "BAD_USER_INPUT",
    "input.dose",
    /has 3 digits after the point. The column keeps 2/,
  ],
  ["a decimal too large", { dose: "10000" }, "BAD_USER_INPUT", "input.dose", /too large/],
  ["the year 0", { birth: "0000-12-31" }, "", undefined, /Date cannot represent/],
  ["a day that is none", { birth: "2023-02-29" }, "", undefined, /no such day/],
  ["a year before 1 in UTC", { seen: "0001-01-01T00:00:00+00:01" }, "", undefined, /outside the years/],
  [
    "a year after 9999 in UTC",
    { seen: "9999-12-31T23:59:59-00:01" },
    "",
    undefined,
    /DateTime cannot represent/,
  ],
  ["an instant without offset", { seen: "2024-01-01T00:00:00" }, "", undefined, /DateTime cannot represent/],
  ["nanoseconds", { seen: "2024-01-01T00:00:00.123456789Z" }, "", undefined, /microseconds/],
  ["text too long", { name: "123456789" }, "BAD_USER_INPUT", "input.name", /longer than 8 characters/],
  ["emoji too long", { name: "😀".repeat(9) }, "BAD_USER_INPUT", "input.name", /longer than 8 characters/],
  ["char(n) too long", { code: "12345" }, "BAD_USER_INPUT", "input.code", /longer than 4 characters/],
  ["NUL in text", { name: "a\0b" }, "BAD_USER_INPUT", "input.name", /NUL/],
  ["NUL in a list", { tags: ["ok", "a\0"] }, "BAD_USER_INPUT", "input.tags.1", /NUL/],
  ["NUL deep in JSON", { extra: { a: [{ b: "\0" }] } }, "BAD_USER_INPUT", "input.extra.a.0.b", /NUL/],
  ["NUL in a JSON key", { extra: { "a\0": 1 } }, "BAD_USER_INPUT", "input.extra", /NUL/],
  ["half a surrogate pair", { name: "\ud800" }, "BAD_USER_INPUT", "input.name", /surrogate/],
  ["half a surrogate pair in JSON", { extra: ["\udc00"] }, "BAD_USER_INPUT", "input.extra.0", /surrogate/],
  ["a bare string in JSON", { extra: "text" }, "BAD_USER_INPUT", "input.extra", /bare string/],
  ["null in a list", { tags: [null] }, "", undefined, /non-nullable/],
  ["no UUID", { chip: "f81d4fae" }, "", undefined, /UUID cannot represent/],
  ["no base64", { raw: "%%%" }, "", undefined, /Bytes cannot represent/],
  ["an enum's unknown name", { sex: "X" }, "", undefined, /does not exist in "Sex" enum/],
  ["text for Boolean", { alive: "yes" }, "", undefined, /Boolean cannot represent/],
];

test.each(cases)("refuses %s and leaves nothing", async (_, change, code, field, message) => {
  const before = await world.traces();
  const fault = await world.fault(text, { input: { ...good, ...change } });
  expect(fault.message).toMatch(message);
  expect(fault.data).toBeNull();
  if (code !== "") expect(fault.extensions).toMatchObject({ code, field, retryable: false });
  expect(await world.traces()).toEqual(before);
});

test("JSON 5,000 levels deep is stored, or refused by name; never half", async () => {
  const answer = await world.run(text, {
    input: { ...good, subjectId: 77, name: "deep", extra: deep(5000) },
  });
  const [error] = answer.errors;
  if (error !== undefined) expect(error.extensions["code"]).toMatch(/BAD_USER_INPUT|LIMIT_EXCEEDED/);
  const { rows } = await world.db.query("SELECT 1 FROM lab.subject WHERE subject_id = 77");
  expect(rows).toHaveLength(error === undefined ? 1 : 0);
  await world.db.query("DELETE FROM lab.subject WHERE subject_id = 77");
});

test("Float64 keeps NaN and the infinities", async () => {
  for (const [index, noise] of ["NaN", "Infinity", "-Infinity", -0].entries())
    await world.data(text, { input: { subjectId: 100 + index, name: `n${index}`, noise } });
  const { rows } = await world.db.query<{ noise: string }>(
    "SELECT noise::text FROM lab.subject WHERE subject_id >= 100 ORDER BY 1",
  );
  expect(rows.map(({ noise }) => noise).sort()).toEqual(["-0", "-Infinity", "Infinity", "NaN"]);
  await world.db.query("DELETE FROM lab.subject WHERE subject_id >= 100");
});

test("references that share a column must agree", async () => {
  const fault = await world.fault(
    'mutation { createDose(input: {dose: 1, drug: {key: {drug: "a"}}, batch: {key: {drug: "b", batch: 1}}}) { affected { count } } }',
  );
  expect(fault.extensions).toMatchObject({ code: "BAD_USER_INPUT", field: "input.batch.key" });
  expect(fault.message).toContain('"b" disagrees with "a", given for the same column drug');
  await world.data(
    'mutation { createDose(input: {dose: 1, drug: {key: {drug: "b"}}, batch: {key: {drug: "b", batch: 1}}}) { affected { count } } }',
  );
});

test("a null reference leaves a column that another reference shares", async () => {
  await world.data(
    'mutation { createAssay(input: {assay: 1, batch: {key: {drug: "b", batch: 1}}, other: null}) { affected { count } } }',
  );
  expect(await world.rows("lab.assay")).toEqual([{ assay: 1, drug: "b", batch: 1, other_batch: null }]);
});

test("two requests that race for one key: one wins, the other is told", async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      world.run(text, { input: { subjectId: 500, name: `race${index}` } }),
    ),
  );
  const faults = answers.filter(({ errors }) => errors.length > 0);
  expect(faults).toHaveLength(7);
  for (const { errors } of faults)
    expect(errors[0]?.extensions).toMatchObject({ code: "CONSTRAINT_VIOLATION", field: "input.subjectId" });
});

/** Every mutation, failing late: after the other fields of its request have written. */

import { expect, test } from "vitest";
import { expectOnlyReserved, readLedger } from "./ledger.ts";
import { openWorld } from "./world.ts";

const world = await openWorld(`
enum Sex { F M }
type Rig @table { rig: String! @key @column(type: "varchar(8)") }
type Subject @table {
  subjectId: Int! @key
  name: String! @unique
  sex: Sex
  weight: Decimal @column(type: "decimal(4,1)")
  age: Int @column(type: "int16")
  rig: Rig
  notes: File @codec(name: "attach", store: "main")
  settings: Blob @codec(name: "blob")
  bytes: File @codec(name: "hash", store: "main")
  traces: NdArray @codec(name: "npy", store: "main")
  volume: Tree @codec(name: "object", store: "main")
  raw: FileRef @codec(name: "filepath", store: "cold")
}
type Session @table { subject: Subject! @key  sessionIdx: Int! @key }
`);
await world.data(`mutation {
  createSubjects(rows: [{subjectId: 1, name: "a", sessions: [{sessionIdx: 1}]}, {subjectId: 2, name: "b"}]) { count }
}`);

/** Fields that write, before the one that fails. */
const earlier = `
  e1: createSubject(input: {subjectId: 50, name: "e"}) { affected { count } }
  e2: upsertSubject(input: {subjectId: 2, name: "changed"}) { affected { count } }
  e3: updateSubjects(where: {subjectId: {eq: 50}}, set: {name: "f"}) { count }
  e4: deleteSubjects(where: {subjectId: {eq: 1}}, cascade: true) { count }
  e5: createSubject(input: {subjectId: 1, name: "a", sessions: [{sessionIdx: 1}]}) { affected { count } }
`;
const file = '{text: {name: "n", content: "CONTENT"}}';
/** Values that a column, a reference, a child or a codec refuses. */
const refused: readonly (readonly [input: string, code: string])[] = [
  ['rig: {key: {rig: "none"}}', "CONSTRAINT_VIOLATION"],
  ['rig: {create: {rig: "longer than eight"}}', "BAD_USER_INPUT"],
  ["weight: 1000.5", "BAD_USER_INPUT"],
  ["age: 40000", "BAD_USER_INPUT"],
  ['bytes: {base64: {content: "no base64!"}}', "CODEC_INVALID_VALUE"],
  ['traces: {values: {dtype: "int16", shape: [3], data: [1]}}', "CODEC_INVALID_VALUE"],
  ['traces: {values: {dtype: "int16", shape: [1], data: [70000]}}', "CODEC_INVALID_VALUE"],
  ['volume: {upload: "00000000-0000-4000-8000-000000000000"}', "NOT_FOUND"],
  ['raw: {path: "no/such.dat"}', "CODEC_INVALID_VALUE"],
  ['raw: {path: "../../etc/passwd"}', "CODEC_INVALID_VALUE"],
];

const failing: readonly (readonly [field: string, code: string])[] = [
  [
    `createSubject(input: {subjectId: 1, name: "z", notes: ${file}}) { affected { count } }`,
    "CONSTRAINT_VIOLATION",
  ],
  [
    `createSubjects(rows: [{subjectId: 9, name: "y", notes: ${file}}, {subjectId: 8, name: "a"}]) { count }`,
    "CONSTRAINT_VIOLATION",
  ],
  [
    `updateSubject(key: {subjectId: 2}, set: {name: "a", notes: ${file}}) { affected { count } }`,
    "CONSTRAINT_VIOLATION",
  ],
  [
    `updateSubject(key: {subjectId: 2}, set: {notes: ${file}}, ifVersion: "1") { affected { count } }`,
    "PRECONDITION_FAILED",
  ],
  [
    `updateSubjects(where: {}, set: {name: "q", notes: ${file}}, atMost: 9) { count }`,
    "CONSTRAINT_VIOLATION",
  ],
  [`updateSubjects(where: {}, set: {notes: ${file}}, atMost: 2) { count }`, "LIMIT_EXCEEDED"],
  [
    `upsertSubject(input: {subjectId: 9, name: "a", notes: ${file}}) { affected { count } }`,
    "CONSTRAINT_VIOLATION",
  ],
  [
    `upsertSubject(input: {subjectId: 1, name: "q", notes: ${file}}, on: NAME) { affected { count } }`,
    "CONSTRAINT_VIOLATION",
  ],
  ...refused.map(
    ([input, code]) =>
      [
        `createSubject(input: {subjectId: 9, name: "v", notes: ${file}, ${input}}) { affected { count } }`,
        code,
      ] as const,
  ),
  ...refused.map(
    ([input, code]) =>
      [
        `upsertSubject(input: {subjectId: 2, name: "w", notes: ${file}, ${input}}) { affected { count } }`,
        code,
      ] as const,
  ),
  ...refused.map(
    ([input, code]) =>
      [
        `createSubjects(onConflict: UPDATE, rows: [{subjectId: 2, name: "u"}, {subjectId: 9, name: "v", notes: ${file}, ${input}}]) { count }`,
        code,
      ] as const,
  ),
  ...refused.map(
    ([input, code]) =>
      [
        `updateSubject(key: {subjectId: 2}, set: {notes: ${file}, ${input}}) { affected { count } }`,
        code,
      ] as const,
  ),
  [
    `createSubject(input: {subjectId: 9, name: "v", notes: ${file}, sessions: [{sessionIdx: 4}, {sessionIdx: 4}]}) { affected { count } }`,
    "CONSTRAINT_VIOLATION",
  ],
  [
    `createSubjects(onConflict: SKIP, rows: [{subjectId: 2, name: "u"}, {subjectId: 9, name: "a", notes: ${file}}]) { count }`,
    "CONSTRAINT_VIOLATION",
  ],
  [`updateSubject(key: {subjectId: 77}, set: {notes: ${file}}) { affected { count } }`, "NOT_FOUND"],
  ["deleteSubject(key: {subjectId: 77}) { affected { count } }", "NOT_FOUND"],
  [`deleteSubject(key: {subjectId: 2}, ifVersion: "1") { affected { count } }`, "PRECONDITION_FAILED"],
  ["deleteSubjects(where: {}, atMost: 2, cascade: true) { count }", "LIMIT_EXCEEDED"],
  ["deleteSubjects(where: {}, atMost: 9, dryRun: true) { count }", "CONSTRAINT_VIOLATION"],
  ["deleteSubject(key: {subjectId: 1}) { affected { count } }", "CONSTRAINT_VIOLATION"],
  ["deleteSubjects(where: {}, atMost: 9) { count }", "CONSTRAINT_VIOLATION"],
  ["deleteSubjects(where: {}, atMost: 2, cascade: true, dryRun: true) { count }", "LIMIT_EXCEEDED"],
];

const ledger = () => readLedger(world.db, world.folder);

test.each(failing.map(([field, code], index) => ({ field, code, index })))(
  "$field leaves rows and objects as they were",
  async ({ field, code, index }) => {
    const before = await ledger();
    // Bytes of its own for each case.
    const last = field.replace("CONTENT", `content ${index}`);
    const fault = await world.fault(`mutation { ${earlier} last: ${last} }`);
    expect(fault).toMatchObject({ data: null, path: ["last"], extensions: { code, committed: false } });
    const after = await ledger();
    expectOnlyReserved(before, after);
    // Where bytes were staged before the fault they stay reserved for the reaper; without bytes nothing is reserved.
    expect(after.files.length - before.files.length).toBe(after.reserved.length - before.reserved.length);
    if (!field.includes("notes")) expect(after.reserved).toEqual(before.reserved);
  },
);

/** Every mutation, failing late: after the other fields of its request have written. */

import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Subject @table { subjectId: Int! @key  name: String! @unique  notes: File @codec(name: "attach", store: "main") }
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
  ["deleteSubject(key: {subjectId: 1}) { affected { count } }", "CONSTRAINT_VIOLATION"],
  ["deleteSubjects(where: {}, atMost: 9) { count }", "CONSTRAINT_VIOLATION"],
  ["deleteSubjects(where: {}, atMost: 2, cascade: true, dryRun: true) { count }", "LIMIT_EXCEEDED"],
];

const state = async () => ({
  subjects: await world.rows("lab.subject"),
  sessions: await world.rows("lab.session"),
  ...(await world.traces()),
});

test.each(failing.map(([field, code], index) => ({ field, code, index })))(
  "$field leaves rows and objects as they were",
  async ({ field, code, index }) => {
    const { files, uploads, ...before } = await state();
    // Bytes of its own for each case.
    const last = field.replace("CONTENT", `content ${index}`);
    const fault = await world.fault(`mutation { ${earlier} last: ${last} }`);
    expect(fault).toMatchObject({ data: null, path: ["last"], extensions: { code, committed: false } });
    const { files: filesAfter, uploads: uploadsAfter, ...after } = await state();
    expect(after).toEqual(before);
    // Bytes that were staged stay reserved for the reaper, which finds them by their upload; without bytes nothing is reserved.
    const staged = field.includes("notes") ? 1 : 0;
    expect(Number(uploadsAfter) - Number(uploads)).toBe(staged);
    expect(filesAfter).toEqual(expect.arrayContaining(files));
    expect(filesAfter.length - files.length).toBe(staged);
  },
);

import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Subject @table { subject: String! @key }
type Session @table {
  subject: Subject! @key
  day: Date! @key
  at: DateTime! @key
  settings: Blob @codec(name: "blob")
  more: Blob @codec(name: "blob", store: "main")
  notes: File @codec(name: "attach", store: "default")
  bytes: File @codec(name: "hash", store: "cold")
  traces: NdArray @codec(name: "npy", store: "default")
  volume: Tree @codec(name: "object", store: "default")
  raw: FileRef @codec(name: "filepath", store: "cold")
  files: [File!]! @codec(name: "attach", store: "main")
  units: [NdArray!]! @codec(name: "npy", store: "cold")
}
type Unit @table(partOf: "Session") { session: Session! @key @reverse(name: "cells") unit: Int! @key waveform: NdArray! @codec(name: "npy", store: "main") }
`);
await world.data('mutation { createSubject(input: {subject: "s2/left ear"}) { affected { count } } }');

const text =
  "mutation ($input: CreateSessionInput!) { createSession(input: $input) { session { day } affected { table count } } }";
let days = 0;
/** A row of its own, so that tests do not meet. */
function row(more: Record<string, unknown>) {
  const day = new Date(Date.UTC(2024, 0, ++days)).toISOString().slice(0, 10);
  return { subject: { key: { subject: "s2/left ear" } }, day, at: "2024-05-06T07:08:09.5Z", ...more };
}
const stored = async (input: { day: string }) =>
  (await world.rows("lab.session")).find(({ day }) => day === input.day);
const array = (data: number[]) => ({ values: { dtype: "int16", shape: [data.length], data } });
const bytesOf = async (meta: { store: string; path: string }) =>
  readFile(join(world.folder, meta.store, meta.path));
const token = "[A-Za-z0-9_-]{8}";

test("each codec's row is the peer's, key by key, and finds its bytes", async () => {
  await mkdir(join(world.folder, "cold/rig"), { recursive: true });
  await writeFile(join(world.folder, "cold/rig/raw.dat"), "raw!");
  const input = row({
    settings: { json: { a: 1 } },
    more: { json: { b: [1, 2] } },
    notes: { text: { name: "note.txt", content: "hello" } },
    bytes: { base64: { content: Buffer.from("raw bytes").toString("base64") } },
    traces: array([1, 2, 3]),
    raw: { path: "rig/raw.dat" },
    files: [{ text: { name: "a", content: "1" } }, { text: { name: "b", content: "2" } }],
    units: [array([5]), array([6, 7])],
  });
  const answer = await world.data(text, { input });
  expect(answer.createSession.affected).toEqual([
    { table: "lab.session", count: 1 },
    { table: "lab.session__files", count: 2 },
    { table: "lab.session__units", count: 2 },
  ]);
  const found = await stored(input);
  expect(found).toMatchObject({
    settings: expect.stringMatching(/^\\x/),
    more: {
      hash: expect.stringMatching(/^[a-z2-7]{26}$/),
      schema: "lab",
      store: "main",
      path: `_hash/lab/${found.more.hash}`,
      size: expect.any(Number),
    },
    notes: { store: "main", path: `_hash/lab/${found.notes.hash}`, size: 14, name: "note.txt" },
    bytes: {
      hash: "unwli6dqh5hkrs4def2rgayp5m",
      path: "_hash/lab/unwli6dqh5hkrs4def2rgayp5m",
      schema: "lab",
      store: "cold",
      size: 9,
    },
    traces: { dtype: "int16", shape: [3], store: "main" },
    raw: {
      path: "rig/raw.dat",
      store: "cold",
      size: 4,
      is_dir: false,
      timestamp: expect.stringMatching(/\+00:00$/),
    },
    volume: null,
  });
  const { day } = input;
  expect(found.traces.path).toMatch(
    new RegExp(
      `^_schema/lab/session/subject=s2%2Fleft%20ear/day=${day}/at=2024-05-06T07-08-09/traces_${token}\\.npy$`,
    ),
  );
  expect((await bytesOf(found.notes)).toString()).toBe("note.txt\0hello");
  expect((await bytesOf(found.bytes)).toString()).toBe("raw bytes");
  expect((await bytesOf(found.traces)).subarray(-6).toString("hex")).toBe("010002000300");
  const files = await world.rows("lab.session__files");
  expect(files.map(({ idx, value }) => [idx, value.name, value.store])).toEqual([
    [0, "a", "main"],
    [1, "b", "main"],
  ]);
  const units = await world.rows("lab.session__units");
  expect(units[1].value).toMatchObject({
    shape: [2],
    store: "cold",
    path: expect.stringMatching(/\/idx=1\/value_/),
  });
});

test("every stored value has its object and hold; nothing stays reserved", async () => {
  const { rows } = await world.db.query(`
    SELECT count(*)::int AS broken FROM lab.session s WHERE s._traces_ref IS NOT NULL AND NOT EXISTS (
      SELECT FROM lab."~object" h JOIN holdfast.object o USING (locator) WHERE h.locator = s._traces_ref AND o.verified_at IS NOT NULL)`);
  expect(rows).toEqual([{ broken: 0 }]);
  expect((await world.traces()).uploads).toBe("0");
});

test("equal bytes are one object, in one request and in another", async () => {
  const before = await world.traces();
  const notes = { text: { name: "same", content: "same" } };
  const many = "mutation ($rows: [CreateSessionInput!]!) { createSessions(rows: $rows) { count } }";
  await world.data(many, { rows: [row({ notes }), row({ notes }), row({ notes })] });
  await world.data(many, { rows: [row({ notes })] });
  const after = await world.traces();
  expect(Number(after.objects) - Number(before.objects)).toBe(1);
  expect(after.files.length - before.files.length).toBe(1);
});

test("requests that race with equal new bytes end with one object", async () => {
  const before = await world.traces();
  const notes = { text: { name: "raced", content: "x".repeat(5000) } };
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => world.run(text, { input: row({ notes }) })),
  );
  expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
  expect(Number((await world.traces()).objects) - Number(before.objects)).toBe(1);
});

test("children and parts bring their own values", async () => {
  const session = {
    day: "2023-01-01",
    at: "2023-01-01T00:00:00Z",
    traces: array([1]),
    cells: [{ unit: 1, waveform: array([2]) }],
  };
  const input = { subject: "nested", sessions: [session] };
  await world.data(
    "mutation ($input: CreateSubjectInput!) { createSubject(input: $input) { affected { count } } }",
    { input },
  );
  expect(await stored(session)).toMatchObject({
    traces: { path: expect.stringContaining("/subject=nested/day=2023-01-01/") },
  });
  expect(await world.rows("lab.session__unit")).toMatchObject([
    {
      unit: 1,
      waveform: {
        path: expect.stringContaining(
          "/session__unit/subject=nested/day=2023-01-01/at=2023-01-01T00-00-00/unit=1/waveform_",
        ),
      },
    },
  ]);
});

test("an update writes a new object and leaves the old one to the collector", async () => {
  const input = row({
    traces: array([1]),
    files: [{ text: { name: "a", content: "1" } }, { text: { name: "b", content: "2" } }],
  });
  await world.data(text, { input });
  const before = await stored(input);
  const key = { subject: "s2/left ear", day: input.day, at: input.at };
  const update =
    "mutation ($key: SessionKey!, $set: SessionPatch!) { updateSession(key: $key, set: $set) { session { rowVersion } affected { table count } } }";
  await world.data(update, { key, set: { traces: array([9]), notes: null } });
  const after = await stored(input);
  expect(after.traces.path).not.toBe(before.traces.path);
  await bytesOf(before.traces);
  expect((await bytesOf(after.traces)).subarray(-2).toString("hex")).toBe("0900");
});

test("a value that the codec refuses fails the whole request, and names its place", async () => {
  const before = await world.traces();
  const fault = await world.fault(text, {
    input: row({
      notes: { text: { name: "n", content: "new" } },
      traces: { values: { dtype: "int16", shape: [2], data: [1] } },
    }),
  });
  expect(fault.extensions).toMatchObject({ code: "CODEC_INVALID_VALUE", retryable: false });
  expect(fault.extensions["field"]).toContain("input.traces");
  const { uploads: _, files: __, ...rest } = await world.traces();
  const { uploads: ___, files: ____, ...was } = before;
  expect(rest).toEqual(was);
});

test("a row that is refused leaves its staged bytes to the reaper: reserved, never referred to, never deleted", async () => {
  const input = row({ traces: array([1]) });
  await world.data(text, { input });
  const before = await world.traces();
  const fault = await world.fault(text, { input });
  expect(fault.extensions).toMatchObject({ code: "CONSTRAINT_VIOLATION" });
  const after = await world.traces();
  expect(after).toMatchObject({ rows: before.rows, objects: before.objects });
  expect(Number(after.uploads) - Number(before.uploads)).toBe(1);
  expect(after.files).toEqual(expect.arrayContaining(before.files));
});

test.each([
  ["../x", /cannot be referred to/],
  ["/etc/passwd", /cannot be referred to/],
  ["_hash/lab/x", /belongs to the service/],
  ["_schema", /belongs to the service/],
  ["_obj/identity.json", /belongs to the service/],
  ["rig/absent.dat", /no file or folder/],
  ["rig\\raw.dat", /backslash/],
])("refuses the reference %s", async (path, message) => {
  const before = await world.traces();
  const fault = await world.fault(text, { input: row({ raw: { path } }) });
  expect(fault.extensions).toMatchObject({ code: "CODEC_INVALID_VALUE", field: "input.raw" });
  expect(fault.message).toMatch(message);
  expect(await world.traces()).toEqual(before);
});

test("a folder is a reference too", async () => {
  const input = row({ raw: { path: "rig" } });
  await world.data(text, { input });
  expect((await stored(input)).raw).toMatchObject({ path: "rig", is_dir: true, size: null });
});

test("deleting a row with lists and objects takes the lists, not the bytes", async () => {
  const input = row({ traces: array([4]), files: [{ text: { name: "z", content: "z" } }] });
  await world.data(text, { input });
  const { traces } = await stored(input);
  const key = { subject: "s2/left ear", day: input.day, at: input.at };
  const answer = await world.data(
    "mutation ($key: SessionKey!) { deleteSession(key: $key) { affected { table count } } }",
    { key },
  );
  expect(answer.deleteSession.affected).toEqual([
    { table: "lab.session", count: 1 },
    { table: "lab.session__files", count: 1 },
  ]);
  expect(
    createHash("sha256")
      .update(await bytesOf(traces))
      .digest("hex"),
  ).toBe(traces.sha256);
});

test("an upsert replaces the lists that it gives, and keeps the others", async () => {
  const file = (name: string) => ({ text: { name, content: name } });
  const input = row({ files: [file("1"), file("2"), file("3")], units: [array([1]), array([2])] });
  const many =
    "mutation ($rows: [CreateSessionInput!]!) { createSessions(rows: $rows, onConflict: UPDATE) { count } }";
  await world.data(many, { rows: [input] });
  const { units: _, ...again } = input as { units?: unknown } & typeof input;
  await world.data(many, { rows: [{ ...again, files: [file("new")] }] });
  const here = ({ day }: { day: string }) => day === input.day;
  expect((await world.rows("lab.session__files")).filter(here).map(({ value }) => value.name)).toEqual([
    "new",
  ]);
  expect((await world.rows("lab.session__units")).filter(here)).toHaveLength(2);
});

test("many stored values go in with one request", async () => {
  const rows = Array.from({ length: 200 }, (_, index) =>
    row({ traces: array([index]), notes: { text: { name: "n", content: String(index % 10) } } }),
  );
  const before = await world.traces();
  const answer = await world.data(
    "mutation ($rows: [CreateSessionInput!]!) { createSessions(rows: $rows) { count } }",
    { rows },
  );
  expect(answer.createSessions.count).toBe(200);
  const after = await world.traces();
  expect(Number(after.objects) - Number(before.objects)).toBe(210);
  expect(after.uploads).toBe(before.uploads);
}, 60_000);

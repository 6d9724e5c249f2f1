import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Session @table {
  session: Int! @key
  notes: File @codec(name: "attach", store: "main")
  traces: NdArray @codec(name: "npy", store: "main")
  volume: Tree @codec(name: "object", store: "main")
  inline: Blob @codec(name: "blob")
  raw: FileRef @codec(name: "filepath", store: "cold")
  files: [File!]! @codec(name: "attach", store: "main")
}
`);

const createUpload =
  "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url resumableUrl kind state receivedBytes expiresAt parts { number url } } }";
const completeUpload = "mutation ($id: ID!) { completeUpload(id: $id) { id state receivedBytes } }";
const create =
  "mutation ($input: CreateSessionInput!) { createSession(input: $input) { affected { count } } }";

async function* bytes(text: string | Uint8Array) {
  yield Buffer.from(text);
}

async function upload(
  target: Record<string, unknown>,
  content: string | Uint8Array,
  more: Record<string, unknown> = {},
) {
  const { createUpload: made } = await world.data(createUpload, {
    input: { target, filename: "f.bin", ...more },
  });
  await world.services.objects.uploads.receive(made.id, bytes(content), {});
  return made.id as string;
}

test("answers where to send the bytes, and for how long", async () => {
  const { createUpload: made } = await world.data(createUpload, {
    input: {
      target: { type: "Session", field: "notes", key: { session: 1 } },
      filename: "a.txt",
      sizeBytes: "3",
    },
  });
  expect(made).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:4000\/uploads\/[\w.~-]+$/),
    resumableUrl: made.url.replace("/uploads/", "/tus/"),
    kind: "FILE",
    state: "OPEN",
    receivedBytes: "0",
    expiresAt: expect.stringMatching(/^20..-..-..T/),
    parts: null,
  });
  const capability = made.url.split("/").at(-1);
  expect(world.services.objects.capabilities.verify(capability)).toEqual({ kind: "upload", id: made.id });
});

test("a row takes an upload, once", async () => {
  const id = await upload({ type: "Session", field: "notes", key: { session: 10 } }, "hello", {
    filename: "note.txt",
    mediaType: "text/plain",
  });
  expect((await world.data(completeUpload, { id })).completeUpload).toMatchObject({
    state: "COMPLETE",
    receivedBytes: "5",
  });
  await world.data(create, { input: { session: 10, notes: { upload: id }, files: [] } });
  const [row] = await world.rows("lab.session");
  expect(row.notes).toMatchObject({ name: "note.txt", media_type: "text/plain", store: "main", size: 14 });
  const fault = await world.fault(create, { input: { session: 11, notes: { upload: id }, files: [] } });
  expect(fault.extensions).toMatchObject({ code: "UPLOAD_EXPIRED", field: "input.notes" });
});

test("completing and using an upload fits into one request, and an array is inspected", async () => {
  const header = Buffer.from(
    `\x93NUMPY\x01\0v\0{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }`,
    "latin1",
  );
  const npy = Buffer.concat([
    header,
    Buffer.alloc(128 - header.length - 1, " "),
    Buffer.from("\n"),
    Buffer.from([1, 0, 2, 0]),
  ]);
  const id = await upload({ type: "Session", field: "traces", key: { session: 20 } }, npy, {
    filename: "x.npy",
    sha256: createHash("sha256").update(npy).digest("hex"),
  });
  await world.data(
    "mutation ($id: ID!, $input: CreateSessionInput!) { completeUpload(id: $id) { state } createSession(input: $input) { affected { count } } }",
    { id, input: { session: 20, traces: { upload: id }, files: [] } },
  );
  const row = (await world.rows("lab.session")).find(({ session }) => session === 20);
  expect(row.traces).toMatchObject({
    dtype: "int16",
    shape: [2],
    path: expect.stringMatching(/^_schema\/lab\/session\/session=20\/traces_.{8}\.npy$/),
  });
});

test("folders and elements of lists take uploads", async () => {
  const { createUpload: made } = await world.data(createUpload, {
    input: {
      target: { type: "Session", field: "volume", key: { session: 30 } },
      filename: "v.zarr",
      kind: "TREE",
    },
  });
  await world.services.objects.uploads.receive(made.id, bytes("{}"), { path: ".zgroup" });
  await world.services.objects.uploads.receive(made.id, bytes("1234"), { path: "0/0.0" });
  await world.data(completeUpload, { id: made.id });
  const file = await upload({ type: "Session", field: "files", key: { session: 30 } }, "abc", {
    filename: "list.txt",
  });
  await world.data(create, {
    input: { session: 30, volume: { upload: made.id }, files: [{ upload: file }] },
  });
  const row = (await world.rows("lab.session")).find(({ session }) => session === 30);
  expect(row.volume).toMatchObject({
    is_dir: true,
    item_count: 2,
    size: 6,
    path: expect.stringMatching(/session=30\/volume_.{8}/),
  });
  expect(await world.rows("lab.session__files")).toMatchObject([
    { session: 30, idx: 0, value: { name: "list.txt" } },
  ]);
});

test.each([
  ["an unknown type", { type: "Nothing", field: "notes" }, {}, /There is no type Nothing/],
  ["an unknown field", { type: "Session", field: "nothing" }, {}, /has no field nothing/],
  ["a scalar", { type: "Session", field: "session" }, {}, /takes no uploads/],
  ["a value in the row", { type: "Session", field: "inline" }, {}, /takes no uploads/],
  ["a reference to a file", { type: "Session", field: "raw" }, {}, /takes no uploads/],
  ["a folder for a file", { type: "Session", field: "notes" }, { kind: "TREE" }, /takes no folders/],
  ["a wrong key", { type: "Session", field: "notes", key: { other: 1 } }, {}, /not in the key/],
  ["half a key", { type: "Session", field: "notes", key: {} }, {}, /missing in the key/],
  [
    "a key of the wrong type",
    { type: "Session", field: "notes", key: { session: "x" } },
    {},
    /no whole number/,
  ],
  ["a wrong digest", { type: "Session", field: "notes" }, { sha256: "abc" }, /sha256/],
])("refuses an upload for %s", async (_, target, more, message) => {
  const fault = await world.fault(createUpload, { input: { target, filename: "f", ...more } });
  expect(fault.message).toMatch(message);
  expect(fault.extensions).toMatchObject({ code: "BAD_USER_INPUT" });
});

test.each([
  ["another field", { type: "Session", field: "notes" }, "files", "BAD_USER_INPUT"],
  ["another key", { type: "Session", field: "notes", key: { session: 999 } }, "notes", "BAD_USER_INPUT"],
])("an upload serves no %s", async (_, target, field, code) => {
  const id = await upload(target, "abc");
  const before = await world.traces();
  const value = field === "files" ? [{ upload: id }] : { upload: id };
  const fault = await world.fault(create, { input: { session: 40, files: [], [field]: value } });
  expect(fault.extensions).toMatchObject({ code });
  expect((await world.traces()).rows).toEqual(before.rows);
});

test("one upload cannot serve two fields of a request", async () => {
  const id = await upload({ type: "Session", field: "files" }, "abc");
  const fault = await world.fault(create, {
    input: { session: 50, files: [{ upload: id }, { upload: id }] },
  });
  expect(fault.extensions).toMatchObject({ code: "UPLOAD_EXPIRED" });
});

test("bytes that are not in the codec's format are refused", async () => {
  const id = await upload({ type: "Session", field: "traces" }, "no array", { filename: "x.npy" });
  const fault = await world.fault(create, { input: { session: 60, traces: { upload: id }, files: [] } });
  expect(fault.extensions).toMatchObject({ code: "CODEC_INVALID_VALUE", field: "input.traces" });
});

test("an upload survives a refused write and serves the next", async () => {
  const id = await upload({ type: "Session", field: "notes" }, "kept");
  await world.fault(create, { input: { session: 10, notes: { upload: id }, files: [] } });
  await world.data(create, { input: { session: 70, notes: { upload: id }, files: [] } });
});

test("of two requests that use one upload at once, one gets it", async () => {
  const id = await upload({ type: "Session", field: "notes" }, "one winner");
  const answers = await Promise.all(
    [80, 81, 82, 83].map((session) =>
      world.run(create, { input: { session, notes: { upload: id }, files: [] } }),
    ),
  );
  const faults = answers.flatMap(({ errors }) => errors);
  expect(faults).toHaveLength(3);
  for (const fault of faults)
    expect(fault.extensions).toMatchObject({ code: "UPLOAD_EXPIRED", field: "input.notes" });
});

test("tells, signs and ends an upload; a file store has no parts", async () => {
  const files = [{ path: "a", sizeBytes: "1", parts: 2 }];
  const target = { type: "Session", field: "volume" };
  const { createUpload: made } = await world.data(
    "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id parts { number } files { path sizeBytes partCount isReceived } } }",
    { input: { target, filename: "v", kind: "TREE", files } },
  );
  expect(made).toMatchObject({
    parts: null,
    files: [{ path: "a", sizeBytes: "1", partCount: null, isReceived: false }],
  });
  const sign = 'mutation ($id: ID!) { signUploadParts(id: $id, numbers: [1], path: "a") { url } }';
  expect((await world.fault(sign, { id: made.id })).extensions).toMatchObject({
    code: "BAD_USER_INPUT",
    field: "path",
  });
  const abort = "mutation ($id: ID!) { abortUpload(id: $id) { state } }";
  expect(await world.data(abort, { id: made.id })).toEqual({ abortUpload: { state: "EXPIRED" } });
  expect((await world.fault(completeUpload, { id: made.id })).extensions).toMatchObject({
    code: "UPLOAD_EXPIRED",
  });
});

test.each([
  ["parts without a size", { parts: 2 }, "sizeBytes"],
  ["no part", { parts: 0, sizeBytes: "1" }, "parts"],
  ["files of a file", { files: [{ path: "a", sizeBytes: "1" }] }, "files"],
])("refuses %s", async (_, more, field) => {
  const target = { type: "Session", field: "notes" };
  const fault = await world.fault(createUpload, { input: { target, filename: "f", ...more } });
  expect(fault.extensions).toMatchObject({ code: "BAD_USER_INPUT", field: expect.stringContaining(field) });
});

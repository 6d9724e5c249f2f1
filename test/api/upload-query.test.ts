/** The query field `upload`, beside what SQL answers. */

import { expect, test } from "vitest";
import { anyone, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory(`
  type Session @table { session: Int! @key  notes: File @codec(name: "attach", store: "main")  volume: Tree @codec(name: "object", store: "main") }
`);

const make = async (input: object): Promise<{ id: string; url: string }> =>
  (
    await lab.data("mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url } }", {
      input: { filename: "f", target: { type: "Session", field: "notes" }, ...input },
    })
  ).createUpload;

test("tells what was received, by alias, fragment and directive, in one request with rows", async () => {
  const { id } = await make({});
  await lab.objects.uploads.receive(id, body("content"), {});
  const query = `query ($id: ID!, $no: Boolean! = false) {
    sessions { totalCount }
    mine: upload(id: $id) { ...Seen url @include(if: $no) __typename }
    upload(id: $id, path: null) { id }
  }
  fragment Seen on Upload { state got: receivedBytes parts { number } files { path } expiresAt kind }`;
  expect(await lab.data(query, { id })).toEqual({
    sessions: { totalCount: 0 },
    mine: {
      state: "RECEIVED",
      got: "7",
      parts: null,
      files: null,
      kind: "FILE",
      expiresAt: expect.stringMatching(/^20.*Z$/),
      __typename: "Upload",
    },
    upload: { id },
  });
  // The same document once more, which is known by now.
  await lab.data("mutation ($id: ID!) { abortUpload(id: $id) { state } }", { id });
  expect((await lab.data(query, { id })).mine).toMatchObject({ state: "EXPIRED" });
});

test("tells which declared files have arrived", async () => {
  const files = [
    { path: "b", sizeBytes: 1 },
    { path: "a", sizeBytes: "1" },
  ];
  const { id } = await make({ kind: "TREE", files, target: { type: "Session", field: "volume" } });
  await lab.objects.uploads.receive(id, body("x"), { path: "b" });
  const { upload } = await lab.data("query ($id: ID!) { upload(id: $id) { files { path isReceived } } }", {
    id,
  });
  expect(upload.files).toEqual([
    { path: "a", isReceived: false },
    { path: "b", isReceived: true },
  ]);
});

test("is null where there is none, and an error of its own for a path that goes by PUT", async () => {
  const { id } = await make({});
  const query = "query ($id: ID!, $path: String) { upload(id: $id, path: $path) { id } changeCursor }";
  expect(await lab.data(query, { id: "nothing" })).toEqual({
    upload: null,
    changeCursor: expect.any(String),
  });
  const answer = await lab.ask(query, { id, path: "a" });
  expect(answer.data).toEqual({ upload: null, changeCursor: expect.any(String) });
  expect(answer.errors).toMatchObject([
    { path: ["upload"], extensions: { code: "BAD_USER_INPUT", field: "path" } },
  ]);
});

test("needs WRITE, since it answers the url that takes the bytes", async () => {
  const { id } = await make({});
  const reader = { ...anyone, principal: { name: "eve", rights: new Set(["READ"] as const) } };
  const answer = await lab.execute(
    { query: `{ upload(id: "${id}") { id } sessions { totalCount } }` },
    reader,
  );
  expect(answer.data).toEqual({ upload: null, sessions: { totalCount: 0 } });
  expect(answer.errors).toMatchObject([{ path: ["upload"], extensions: { code: "FORBIDDEN" } }]);
});

async function* body(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

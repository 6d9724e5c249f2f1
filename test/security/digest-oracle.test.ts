/** Knowing a digest is not having the bytes: it gives no reference to them, and does not tell that they are there. */

import { createHash, randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { codeOf, openWorld } from "../system/support/service.ts";

const world = await openWorld(`
extend schema @database(schema: "lab")
type Sample @table { sampleId: Int! @key  copy: File @codec(name: "hash", store: "default") }
`);
const { entity } = world;

const content = randomBytes(1000);
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const create =
  "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url state receivedBytes } }";
const use =
  "mutation ($input: CreateSampleInput!) { createSample(input: $input) { sample { copy { url } } } }";
const complete = "mutation ($id: ID!) { completeUpload(id: $id) { state } }";

await entity(use, {
  input: { sampleId: 1, copy: { base64: { name: "x", content: content.toString("base64") } } },
});

async function claim(sha256: string, sampleId: number) {
  const input = { target: { type: "Sample", field: "copy" }, filename: "x", sizeBytes: 1000, sha256 };
  const made = await entity(create, { input });
  const { id, url, ...state } = made.data.createUpload;
  const completed = await entity(complete, { id });
  const used = await entity(use, { input: { sampleId, copy: { upload: id } } });
  const put = await fetch(url, { method: "PUT", body: Uint8Array.from(randomBytes(1000)) });
  const asked = await fetch(url);
  const text = (value: object) =>
    JSON.stringify(value)
      .replaceAll(id, "ID")
      .replace(/"expiresAt":"[^"]*"/, "")
      .replaceAll(sha256, "SHA");
  return {
    state,
    completed: text(completed),
    used: text(used),
    codes: [codeOf(completed), codeOf(used)],
    put: [put.status, text((await put.json()) as object).replace(/[0-9a-f]{64}/g, "FOUND")],
    asked: text((await asked.json()) as object),
  };
}

describe("the digest of bytes that somebody else has stored", () => {
  it("is answered as one that nobody has, at every step, and gives nothing", async () => {
    const known = await claim(digest(content), 2);
    const unknown = await claim(digest(randomBytes(1000)), 3);
    expect(known).toEqual(unknown);
    expect(known.codes).toEqual(["UPLOAD_MISMATCH", "UPLOAD_MISMATCH"]);
    expect(known.put[0]).toBe(422);
    const { data } = await entity("{ samples { nodes { sampleId } } }");
    expect(data.samples.nodes).toEqual([{ sampleId: 1 }]);
  });

  it("gives the object only to who sends the bytes", async () => {
    const input = { target: { type: "Sample", field: "copy" }, filename: "x", sha256: digest(content) };
    const { id, url } = (await entity(create, { input })).data.createUpload;
    expect((await fetch(url, { method: "PUT", body: Uint8Array.from(content) })).status).toBe(201);
    const { data } = await entity(use, { input: { sampleId: 4, copy: { upload: id } } });
    const bytes = Buffer.from(await (await fetch(data.createSample.sample.copy.url)).arrayBuffer());
    expect(bytes.equals(content)).toBe(true);
  });
});

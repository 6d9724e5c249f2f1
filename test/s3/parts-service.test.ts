/** Uploads by parts through the whole service, by `curl` as in the guide and over both endpoints; the service killed at each point. */

import { execFile } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../../src/db/database.ts";
import { partPoints } from "../../src/object/fault-points.ts";
import { send } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

const run = promisify(execFile);
const script = join(import.meta.dirname, "../../examples/curl/upload-parts.sh");
const place = new Place();
let server: S3Server;
let environment: Record<string, string>;
let row = 0;

beforeAll(async () => {
  server = await startS3();
  const { protocol, location, driver } = storeOn(server, "lab");
  const stores = { default: "main", filepath_default: "main", main: { protocol, location, ...driver } };
  environment = { DJ_STORES: JSON.stringify(stores) };
  await place.start(environment);
});
afterAll(async () => {
  await place.close();
  await server.close();
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The same bytes as `.npy`, so that a field whose objects are not shared takes them. */
function array(values: number): Buffer {
  const header = `{'descr': '<f8', 'fortran_order': False, 'shape': (${values},), }`;
  const head = Buffer.from(`\x93NUMPY\x01\0v\0${header.padEnd(117)}\n`, "latin1");
  return Buffer.concat([head, randomBytes(values * 8)]);
}

interface Made {
  readonly id: string;
  readonly url: string;
  readonly parts:
    | readonly { number: number; url: string | null; sizeBytes: string; isReceived: boolean }[]
    | null;
}

const selection =
  "id url state receivedBytes parts { number sizeBytes url expiresAt isReceived } files { path partCount isReceived }";

async function begin(bytes: Buffer, more: object = {}, field = "array"): Promise<Made> {
  const { createUpload } = await place.get<{ createUpload: Made }>(
    `mutation ($input: CreateUploadInput!) { createUpload(input: $input) { ${selection} } }`,
    {
      input: {
        target: { type: "Item", field },
        filename: "a.npy",
        sizeBytes: String(bytes.length),
        sha256: sha256(bytes),
        parts: 2,
        ...more,
      },
    },
  );
  return createUpload;
}

async function sendParts(bytes: Buffer, { parts }: Made): Promise<void> {
  let at = 0;
  for (const { url, sizeBytes } of parts ?? []) {
    const body = Uint8Array.from(bytes.subarray(at, at + Number(sizeBytes)));
    expect((await send(url ?? "", { method: "PUT", body })).status).toBe(200);
    at += Number(sizeBytes);
  }
}

const complete = (id: string) =>
  place.ask<{ completeUpload: { state: string } }>(
    "mutation ($id: ID!) { completeUpload(id: $id) { state receivedBytes } }",
    { id },
  );

/** Gives the upload to a new row and reads what the row's URL serves. */
async function used(id: string, field = "array"): Promise<Buffer> {
  const { createItem } = await place.get<{ createItem: { item: Record<string, { url: string }> } }>(
    `mutation ($input: CreateItemInput!) { createItem(input: $input) { item { ${field} { url } } } }`,
    { input: { itemId: ++row, pictures: [], [field]: { upload: id } } },
  );
  return (await send(createItem.item[field]?.url ?? "")).bytes;
}

async function system(query: string, variables: object = {}) {
  const response = await fetch(`${place.url}/system/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as {
    data?: Record<string, never>;
    errors?: { extensions: { code: string } }[];
  };
}

describe("by curl, as in the documentation", () => {
  const curl = (file: string, field: string) => run(script, [place.url, "Item", field, file, "3"]);

  test("a file goes to the store in parts and becomes a row's value", async () => {
    const bytes = array(2_000_000);
    const file = join(place.folder, "array.npy");
    writeFileSync(file, bytes);
    const { stdout } = await curl(file, "array");
    expect(sha256(await used(stdout.trim()))).toBe(sha256(bytes));
    const { upload } = await place.get<{ upload: { state: string; parts: unknown[] } }>(
      "query ($id: ID!) { upload(id: $id) { state parts { number } } }",
      { id: stdout.trim() },
    );
    expect([upload.state, upload.parts.length]).toEqual(["COMPLETE", 3]);
  });

  test("where a field takes no parts the same script sends the file whole", async () => {
    const file = join(place.folder, "note.txt");
    writeFileSync(file, "a note");
    const { stdout } = await curl(file, "file");
    expect((await used(stdout.trim(), "file")).toString()).toBe("a note");
  });

  test("what is refused is told, and the script fails", async () => {
    const file = join(place.folder, "note.txt");
    const failed = await curl(file, "nothing").catch((error: { code: number; stderr: string }) => error);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("has no field nothing") });
  });
});

describe("over both endpoints", () => {
  test("an upload is begun, signed, looked at, ended", async () => {
    const made = await begin(array(1_000_000));
    expect(made).toMatchObject({ state: "OPEN", receivedBytes: "0", files: null });
    expect(made.parts).toEqual([
      expect.objectContaining({
        number: 1,
        sizeBytes: "5242880",
        url: expect.stringContaining(server.endpoint),
      }),
      expect.objectContaining({ number: 2, isReceived: false, expiresAt: expect.stringMatching(/^20.*Z$/) }),
    ]);
    const { data } = await place.ask(
      "mutation ($id: ID!) { signUploadParts(id: $id, numbers: [2]) { n: number url } }",
      { id: made.id },
    );
    expect(data).toEqual({ signUploadParts: [{ n: 2, url: expect.stringContaining("partNumber=2") }] });
    const bare = await (await fetch(made.url)).json();
    expect(bare).toMatchObject({ state: "OPEN", receivedBytes: "0" });
    expect((await send(made.url, { method: "PUT", body: "x" })).code).toBe("BAD_USER_INPUT");
    const told = await system(
      "query ($id: ID!) { upload(id: $id) { state parts { number url isReceived } } }",
      { id: made.id },
    );
    expect(told.data).toMatchObject({
      upload: { state: "OPEN", parts: [{ number: 1, url: null }, { number: 2 }] },
    });
    const signed = await system(
      "mutation ($id: ID!) { signUploadParts(id: $id, numbers: [1]) { number sizeBytes } }",
      { id: made.id },
    );
    expect(signed.data).toEqual({ signUploadParts: [{ number: 1, sizeBytes: "5242880" }] });
    const missing = await complete(made.id);
    expect(missing.errors?.[0]).toMatchObject({
      message: expect.stringContaining("part 1, 2"),
      extensions: { code: "UPLOAD_MISMATCH", retryable: false, missingParts: [1, 2], wrongParts: [] },
    });
    for (const _ of [1, 2])
      expect(
        await place.get("mutation ($id: ID!) { abortUpload(id: $id) { state } }", { id: made.id }),
      ).toEqual({
        abortUpload: { state: "EXPIRED" },
      });
    const again = await system("mutation ($id: ID!) { abortUpload(id: $id) { state } }", { id: made.id });
    expect(again.data).toEqual({ abortUpload: { state: "EXPIRED" } });
    expect((await complete(made.id)).errors?.[0]?.extensions).toMatchObject({ code: "UPLOAD_EXPIRED" });
    const late = await system("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id: made.id });
    expect(late.errors?.[0]?.extensions.code).toBe("UPLOAD_EXPIRED");
  });

  test("made by the system API, completed with ETags and used in one request of the entity API", async () => {
    const bytes = array(700_000);
    const { data } = await system(
      "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id parts { number sizeBytes url } } }",
      {
        input: {
          target: { type: "Item", field: "array" },
          filename: "a.npy",
          sizeBytes: `${bytes.length}`,
          parts: 9,
        },
      },
    );
    const made = (data as unknown as { createUpload: Made }).createUpload;
    expect(made.parts).toHaveLength(2);
    await sendParts(bytes, made);
    const wrong = await place.ask(
      'mutation ($id: ID!) { completeUpload(id: $id, parts: [{number: 2, etag: "beef"}]) { state } }',
      { id: made.id },
    );
    expect(wrong.errors?.[0]?.message).toContain("part 2");
    const query = `mutation ($id: ID!, $input: CreateItemInput!) {
      completeUpload(id: $id) { state } createItem(input: $input) { item { array { url } } } }`;
    const input = { itemId: ++row, pictures: [], array: { upload: made.id } };
    const both = await place.get<{ createItem: { item: { array: { url: string } } } }>(query, {
      id: made.id,
      input,
    });
    expect(both).toMatchObject({ completeUpload: { state: "COMPLETE" } });
    expect(sha256((await send(both.createItem.item.array.url)).bytes)).toBe(sha256(bytes));
  });

  test("of other bytes than declared no row can have anything", async () => {
    const bytes = array(1000);
    const made = await begin(bytes);
    await sendParts(array(1000), made);
    const known = await place.known();
    for (const _ of [1, 2])
      expect((await complete(made.id)).errors?.[0]?.extensions).toMatchObject({ code: "UPLOAD_MISMATCH" });
    await expect(used(made.id)).rejects.toThrow("UPLOAD_MISMATCH");
    expect(await place.known()).toEqual(known);
  });

  test("a folder with declared files goes by both ways", async () => {
    const chunk = randomBytes(6 << 20);
    const files = [
      { path: "zarr.json", sizeBytes: "2" },
      { path: "c/0", sizeBytes: `${chunk.length}`, sha256: sha256(chunk), parts: 2 },
    ];
    const made = await begin(
      chunk,
      { kind: "TREE", files, parts: null, sha256: null, sizeBytes: null },
      "tree",
    );
    expect(made).toMatchObject({
      parts: null,
      files: [
        { path: "c/0", partCount: 2 },
        { path: "zarr.json", partCount: null },
      ],
    });
    const { signUploadParts: parts } = await place.get<{ signUploadParts: Made["parts"] }>(
      'mutation ($id: ID!) { signUploadParts(id: $id, numbers: [1, 2], path: "c/0") { number sizeBytes url } }',
      { id: made.id },
    );
    await sendParts(chunk, { ...made, parts });
    expect((await send(`${made.url}/zarr.json`, { method: "PUT", body: "{}" })).status).toBe(201);
    expect((await send(`${made.url}/other`, { method: "PUT", body: "{}" })).status).toBe(400);
    expect((await complete(made.id)).errors).toBeUndefined();
    const query =
      "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { tree { url itemCount } } } }";
    const { createItem } = await place.get<{
      createItem: { item: { tree: { url: string; itemCount: number } } };
    }>(query, {
      input: { itemId: ++row, pictures: [], tree: { upload: made.id } },
    });
    expect(createItem.item.tree.itemCount).toBe(2);
    expect(sha256((await send(`${createItem.item.tree.url}/c/0`)).bytes)).toBe(sha256(chunk));
  });

  test("of an upload that is not there nothing is told", async () => {
    const none = "00000000-0000-4000-8000-000000000000";
    const query = 'query ($id: ID!) { upload(id: $id) { id } a: upload(id: "x") { id } changeCursor }';
    expect((await place.ask(query, { id: none })).data).toEqual({
      upload: null,
      a: null,
      changeCursor: expect.any(String),
    });
    expect((await system("query ($id: ID!) { upload(id: $id) { id } }", { id: none })).data).toEqual({
      upload: null,
    });
  });
});

describe("killed", () => {
  const restart = async (more: Record<string, string> = {}): Promise<void> => {
    await place.service.end("SIGTERM");
    await place.start({ ...environment, ...more });
  };

  test.each(partPoints)(
    "at %s: nothing acknowledged is lost, nothing unverified can be used",
    async (point) => {
      await restart({ HOLDFAST_FAULT: `${point}:kill` });
      const bytes = array(800_000);
      const attempt = async (): Promise<Made> => {
        const made = await begin(bytes);
        await sendParts(bytes, made);
        return made;
      };
      const first = await attempt().catch(() => undefined);
      expect(first === undefined).toBe(point === "parts.begun");
      if (first !== undefined) await expect(complete(first.id)).rejects.toThrow();
      await expect.poll(() => place.service.child.signalCode).toBe("SIGKILL");
      await restart();
      const made = first ?? (await attempt());
      await expect(used(made.id)).rejects.toThrow(/UPLOAD_MISMATCH|CONFLICT/);
      // The claim of the process that died runs out within a minute; until then the answer is VERIFYING.
      await expect
        .poll(async () => (await complete(made.id)).data?.completeUpload.state, { timeout: 90_000 })
        .toBe("COMPLETE");
      expect(sha256(await used(made.id))).toBe(sha256(bytes));
    },
    180_000,
  );

  test("what a killed beginning left in the store is aborted when its time is over", async () => {
    const open = async () => {
      const { Uploads = [] } = await server.client.send(
        new ListMultipartUploadsCommand({ Bucket: server.bucket }),
      );
      return Uploads.length;
    };
    expect(await open()).toBeGreaterThan(0);
    const abandoned = await begin(array(800_000));
    await sendParts(array(800_000), abandoned);
    const { databaseUrl } = JSON.parse(readFileSync(join(place.data, "server.json"), "utf8")) as {
      databaseUrl: string;
    };
    const db = await connect(databaseUrl, { maxConnections: 1 });
    const past = "clock_timestamp() - interval '2 hours'";
    await db.query(`UPDATE holdfast.upload SET expires_at = ${past}`);
    await db.query(
      `UPDATE holdfast.upload_detail SET expires_at = ${past}, sweep_at = CASE WHEN sweep_at IS NULL THEN NULL ELSE ${past} END`,
    );
    await db.close();
    await restart();
    await expect.poll(open, { timeout: 20_000 }).toBe(0);
  }, 60_000);
});

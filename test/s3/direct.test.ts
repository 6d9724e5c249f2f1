/** URLs of the store itself, and data under a host of its own: the whole service on S3. Public surface only. */

import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { buffer } from "node:stream/consumers";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createUpload, put, send } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

const place = new Place();
let server: S3Server;
const own = Buffer.from("the user's own bytes");
const image = randomBytes(3000);

beforeAll(async () => {
  server = await startS3();
  const { protocol, location, driver } = storeOn(server, "lab");
  const stores = { default: "main", filepath_default: "main", main: { protocol, location, ...driver } };
  await place.start({
    DJ_STORES: JSON.stringify(stores),
    HOLDFAST_DATA_ORIGIN: "https://data.lab.example",
  });
  const ownObject = { Bucket: server.bucket, Key: "lab/raw/own.bin", Body: own };
  await server.client.send(new PutObjectCommand(ownObject));
  const tree = await createUpload(place, "tree", { kind: "TREE", filename: "movie.zarr" });
  expect((await put(`${tree.url}/zarr.json`, "{}")).status).toBe(201);
  await place.get("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id: tree.id });
  const bytes = await createUpload(place, "bytes", { filename: "a.html" });
  expect((await put(bytes.url, image)).status).toBe(201);
  await place.get("mutation ($input: CreateItemInput!) { createItem(input: $input) { item { itemId } } }", {
    input: {
      itemId: 1,
      inRow: { json: { a: 1 } },
      array: { values: { dtype: "int8", shape: [3], data: [1, 2, 3] } },
      file: { text: { name: "n.txt", content: "content" } },
      bytes: { upload: bytes.id },
      tree: { upload: tree.id },
      own: { path: "raw/own.bin" },
      pictures: [],
    },
  });
});
afterAll(async () => {
  await place.close();
  await server.close();
});

const direct = (field: string, more = "") =>
  place.ask<{ item: Record<string, { url: string }> }>(
    `{ item(itemId: 1) { ${field} { url(direct: true${more}) } } }`,
  );
const directUrl = async (field: string, more = "") =>
  (await direct(field, more)).data?.item[field]?.url ?? "";

describe("direct: true", () => {
  it("gives the bytes from the store, in ranges, attached under the value's name, and as no page", async () => {
    const url = await directUrl("bytes");
    expect(url.startsWith(`${server.endpoint}/${server.bucket}/lab/`)).toBe(true);
    const whole = await send(url);
    expect(whole.bytes.equals(image)).toBe(true);
    expect(whole.headers.get("content-disposition")).toMatch(/^attachment; filename="bytes/);
    expect(whole.headers.get("content-type")).toBe("application/octet-stream");
    const part = await send(url, { headers: { range: "bytes=-10" } });
    expect([part.status, part.bytes.equals(image.subarray(-10))]).toEqual([206, true]);
    expect((await send(await directUrl("own"))).bytes.equals(own)).toBe(true);
    expect((await send(await directUrl("array"))).bytes.subarray(-3)).toEqual(Buffer.from([1, 2, 3]));
  });

  it("lives five minutes at most, and as long as asked for below that", async () => {
    const expiry = (url: string) => Number(new URL(url).searchParams.get("X-Amz-Expires"));
    expect(expiry(await directUrl("bytes"))).toBe(300);
    expect(expiry(await directUrl("bytes", ", expiresIn: 604800"))).toBe(300);
    expect(expiry(await directUrl("bytes", ", expiresIn: 20"))).toBe(20);
  });

  it("is one GET of one key under one name", async () => {
    const url = await directUrl("bytes");
    const other = new URL(await directUrl("array")).pathname;
    const forged = [
      url.replace(new URL(url).pathname, other),
      url.replace("attachment", "inline"),
      url.replace("octet-stream", "html"),
      url.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"),
      `${url}&versionId=x`,
    ];
    for (const each of forged) {
      expect(each).not.toBe(url);
      expect((await fetch(each)).status).toBe(403);
    }
    for (const method of ["PUT", "DELETE", "POST"]) {
      const body = method === "DELETE" ? {} : { body: "x" };
      expect((await fetch(url, { method, ...body })).ok).toBe(false);
    }
    expect((await send(url)).bytes.equals(image)).toBe(true);
  });

  it.each([
    ["inRow", "in the row"],
    ["file", "its file name"],
    ["tree", "is a folder"],
  ])("is refused for %s: %s", async (field, why) => {
    const { errors, data } = await direct(field);
    expect(data?.item[field] ?? null).toBeNull();
    expect(errors?.[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", field: "direct" });
    expect(errors?.[0]?.message).toContain(why);
  });

  it("never tells the store's key, here or in the log", async () => {
    expect(await directUrl("bytes")).not.toContain(server.secretKey);
    expect(place.service.log()).not.toContain("X-Amz-Signature");
  });
});

describe("HOLDFAST_DATA_ORIGIN", () => {
  it("is how data URLs begin; uploads and the API stay where they are", async () => {
    const { item } = await place.get<{ item: Record<string, { url: string }> }>(
      "{ item(itemId: 1) { bytes { url } file { url } inRow { url } tree { url } } }",
    );
    for (const { url } of Object.values(item)) expect(url).toMatch(/^https:\/\/data\.lab\.example\/d\//);
    const upload = await createUpload(place, "bytes");
    expect(upload.url.startsWith(`${place.url}/uploads/`)).toBe(true);
    const { pathname } = new URL(item["bytes"]?.url ?? "");
    const given = await new Promise<Buffer>((resolve, reject) => {
      const options = { headers: { host: "data.lab.example" } };
      request(`${place.url}${pathname}`, options, (incoming) => void buffer(incoming).then(resolve, reject))
        .on("error", reject)
        .end();
    });
    expect(given.equals(image)).toBe(true);
  });
});

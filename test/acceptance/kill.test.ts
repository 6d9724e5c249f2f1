/** Death and failure in the middle of a write. All points: `kill-all.ts`. Public surface only. */

import { afterAll, describe, expect, it } from "vitest";
import { Drill } from "./support/drill.ts";
import { createUpload, put, send } from "./support/exchange.ts";
import { Place } from "./support/place.ts";

describe("kill -9", () => {
  const drill = new Drill();
  afterAll(() => drill.place.close());

  it.each([
    "put.part[0]:kill:2",
    "fs.linked:kill",
    "publish.before-commit:kill",
    "publish.reply-lost:kill:2",
  ])(
    "at %s: no row without its bytes, nothing acknowledged is missing, and the request can be repeated",
    { timeout: 60_000 },
    (fault) => drill.round(fault),
  );
});

/** Each is met by one request of its own, in this order; then there are no more. */
const failures = [
  "reserve.after",
  "put.before",
  "put.part[0]",
  "fs.opened",
  "fs.ENOSPC",
  "fs.EIO",
  "fs.written",
];
const later = ["fs.fsync", "fs.synced", "fs.EXDEV", "fs.linked", "fs.unlinked"];
const last = ["put.complete-reply-lost", "verify.after", "publish.before-commit"];
const points = [...failures, ...later, ...last];

describe("a step that fails", () => {
  const place = new Place();
  afterAll(() => place.close());

  it("refuses the request as STORE_UNAVAILABLE, leaves nothing half-written, and the next one is served", async () => {
    await place.prepare();
    await place.start({ HOLDFAST_FAULT: points.map((point) => `${point}:error`).join(",") });
    const before = await place.known();
    const create = (itemId: number) =>
      place.ask<{ createItem: { item: { array: { url: string } } } }>(
        "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { array { url } } } }",
        {
          input: { itemId, pictures: [], array: { values: { dtype: "int8", shape: [3], data: [1, 2, 3] } } },
        },
      );
    for (const point of points) {
      const { errors } = await create(1);
      expect([point, errors?.[0]?.extensions]).toEqual([
        point,
        expect.objectContaining({ code: "STORE_UNAVAILABLE", retryable: true }),
      ]);
      expect(await place.known()).toEqual(before);
      expect(place.files().filter((path) => path.includes(".holdfast-"))).toEqual([]);
    }
    const { data, errors } = await create(1);
    expect(errors).toBeUndefined();
    expect((await send(data?.createItem.item.array.url ?? "")).bytes.subarray(-3)).toEqual(
      Buffer.from([1, 2, 3]),
    );
    expect((await fetch(`${place.url}/readyz`)).status).toBe(200);
  });

  it("in an upload is 503, and the same bytes are taken again", async () => {
    const uploads = new Place();
    const fails = ["put.before", "fs.ENOSPC", "fs.EIO", "fs.fsync", "fs.EXDEV", "fs.linked"];
    // Not met by the first upload: behind fs.linked the bytes are there, and are taken as received.
    const lostReply = "put.complete-reply-lost";
    try {
      await uploads.prepare();
      await uploads.start({
        HOLDFAST_FAULT: [...fails, lostReply].map((point) => `${point}:error`).join(","),
      });
      const { url, id } = await createUpload(uploads, "bytes");
      for (const point of fails) {
        const answer = await put(url, "the bytes");
        expect([point, answer.status, answer.code]).toEqual([point, 503, "STORE_UNAVAILABLE"]);
        expect(uploads.files().filter((path) => path.includes(".holdfast-"))).toEqual([]);
      }
      expect((await put(url, "the bytes")).status).toBe(201);
      const { createItem } = await uploads.get<{ createItem: { item: { bytes: { text: string } } } }>(
        "mutation ($id: ID!) { createItem(input: {itemId: 1, pictures: [], bytes: {upload: $id}}) { item { bytes { text } } } }",
        { id },
      );
      expect(createItem.item.bytes.text).toBe("the bytes");
      const second = await createUpload(uploads, "bytes");
      expect((await put(second.url, "more")).code).toBe("STORE_UNAVAILABLE");
      expect((await put(second.url, "other")).code).toBe("STORE_CONFLICT");
      expect((await put(second.url, "more")).status).toBe(201);
    } finally {
      await uploads.close();
    }
  });
});

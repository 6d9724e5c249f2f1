/** A store that somebody else has damaged: what is lost or changed is told, never served as if it were right. Public surface only. */

import { createHash } from "node:crypto";
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createUpload, put, send } from "./support/exchange.ts";
import { Place } from "./support/place.ts";

const place = new Place();
let itemId = 0;

beforeAll(async () => {
  await place.start();
});

/** Whatever was damaged, the rest is served. */
afterAll(async () => {
  try {
    const { url } = await stored("bytes");
    expect((await send(url)).status).toBe(200);
    expect((await fetch(`${place.url}/readyz`)).status).toBe(200);
  } finally {
    await place.close();
  }
});

const inputs = {
  array: () => ({ values: { dtype: "int32", shape: [500], data: Array.from({ length: 500 }, (_, i) => i) } }),
  blob: () => ({ json: Array.from({ length: 500 }, (_, i) => `${itemId} ${i}`) }),
  file: () => ({ text: { name: "notes.txt", content: `notes of ${itemId}` } }),
  bytes: () => ({ text: { name: "x", content: `bytes of ${itemId}` } }),
} as const;
type Field = keyof typeof inputs;

/** How each field is read through GraphQL, beyond what its row tells. */
const reads: Readonly<Record<Field, string>> = { array: "values", blob: "json", file: "text", bytes: "text" };

interface Stored {
  readonly itemId: number;
  readonly url: string;
  /** The object's file. */
  readonly file: string;
  readonly read: () => Promise<unknown>;
}

/** A new item whose `field` has a value in the store. */
async function stored(field: Field): Promise<Stored> {
  itemId += 1;
  const id = itemId;
  const before = new Set(place.files());
  const { createItem } = await place.get<{ createItem: { item: Record<string, { url: string }> } }>(
    `mutation ($input: CreateItemInput!) { createItem(input: $input) { item { ${field} { url } } } }`,
    { input: { itemId: id, pictures: [], [field]: inputs[field]() } },
  );
  const [file = ""] = place.files().filter((path) => !before.has(path));
  const read = async () => {
    const answer = await place.ask(`{ item(itemId: ${id}) { itemId ${field} { ${reads[field]} } } }`);
    expect(answer.status).toBe(200);
    return answer.errors?.[0]?.extensions["code"] ?? answer.data;
  };
  return { itemId: id, url: createItem.item[field]?.url ?? "", file: join(place.store, file), read };
}

const fields = Object.keys(inputs) as Field[];

/** Changes one bit of the byte at `at`, from the end where negative. */
function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  const index = at < 0 ? bytes.length + at : at;
  bytes[index] = (bytes[index] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** The status and code of a URL, and that HEAD says the same. */
async function told(url: string): Promise<readonly [number, unknown]> {
  const [got, head] = [await send(url), await send(url, { method: "HEAD" })];
  expect(head.status).toBe(got.status);
  return [got.status, got.code];
}

describe.each(fields)("%s", (field) => {
  it("whose file is gone is OBJECT_MISSING", async () => {
    const { file, url, read } = await stored(field);
    rmSync(file);
    expect(await read()).toBe("OBJECT_MISSING");
    expect(await told(url)).toEqual([500, "OBJECT_MISSING"]);
    mkdirSync(file);
    expect(await read()).toBe("OBJECT_MISSING");
    expect(await told(url)).toEqual([500, "OBJECT_MISSING"]);
  });

  it.each([
    ["shorter", (bytes: Buffer) => bytes.subarray(0, -1)],
    ["empty", () => Buffer.alloc(0)],
    ["longer", (bytes: Buffer) => Buffer.concat([bytes, Buffer.from("x")])],
  ])("whose file is %s is OBJECT_CORRUPT, also where a range was asked", async (_name, change) => {
    const { file, url, read } = await stored(field);
    writeFileSync(file, change(readFileSync(file)));
    expect(await read()).toBe("OBJECT_CORRUPT");
    expect(await told(url)).toEqual([500, "OBJECT_CORRUPT"]);
    const range = await send(url, { headers: { range: "bytes=0-0" } });
    expect([range.status, range.code]).toEqual([500, "OBJECT_CORRUPT"]);
  });

  it("whose file is a link is refused, wherever that leads", async () => {
    for (const outside of [true, false]) {
      const { file, url, read } = await stored(field);
      const target = outside ? join(place.folder, "outside") : `${file}.elsewhere`;
      renameSync(file, target);
      symlinkSync(target, file);
      expect(await read()).toBe("FORBIDDEN");
      expect(await told(url)).toEqual([403, "FORBIDDEN"]);
    }
  });

  it("whose bytes are read while a neighbour's are lost is not disturbed", async () => {
    const lost = await stored(field);
    rmSync(lost.file);
    const { errors, data, status } = await place.ask<{ items: { nodes: readonly object[] } }>(
      `{ items(where: {itemId: {in: [${lost.itemId - 1}, ${lost.itemId}]}}, orderBy: [{itemId: ASC}]) { nodes { itemId ${field} { ${reads[field]} } } } }`,
    );
    expect(status).toBe(200);
    expect(data?.items.nodes).toHaveLength(2);
    expect(errors?.map(({ extensions }) => extensions["code"])).toContain("OBJECT_MISSING");
  });
});

describe("a changed bit", () => {
  it.each(["blob", "file", "bytes"] as const)(
    "is found by the digest when %s is read whole",
    async (field) => {
      for (const at of [0, -1]) {
        const { file, read } = await stored(field);
        flip(file, at);
        expect(await read()).toBe("OBJECT_CORRUPT");
      }
    },
  );

  it("in the header of an array is found by its codec", async () => {
    const { file, read } = await stored("array");
    flip(file, 0);
    expect(await read()).toBe("CODEC_CORRUPT");
  });

  it("shows in a download as bytes that are not those of the ETag", async () => {
    for (const field of ["array", "blob", "bytes"] as const) {
      const { file, url } = await stored(field);
      const before = await send(url);
      const digest = (bytes: Buffer) => `"sha256:${createHash("sha256").update(bytes).digest("hex")}"`;
      expect(before.headers.get("etag")).toBe(digest(before.bytes));
      flip(file, -1);
      const after = await send(url);
      expect(after.headers.get("etag")).toBe(before.headers.get("etag"));
      expect(after.headers.get("etag")).not.toBe(digest(after.bytes));
    }
  });
});

describe("deduplication", () => {
  const create = async (content: string) => {
    itemId += 1;
    const before = new Set(place.files());
    const { createItem } = await place.get<{ createItem: { item: { bytes: { url: string } } } }>(
      "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { bytes { url } } } }",
      { input: { itemId, pictures: [], bytes: { text: { name: "x", content } } } },
    );
    return { url: createItem.item.bytes.url, files: place.files().filter((path) => !before.has(path)) };
  };

  it("never leans on bytes that are gone or cut", async () => {
    for (const damage of [(file: string) => rmSync(file), (file: string) => truncateSync(file, 3)]) {
      const content = `twice ${itemId}`;
      const first = await create(content);
      expect(first.files).toHaveLength(1);
      expect((await create(content)).files).toEqual([]);
      damage(join(place.store, first.files[0] ?? ""));
      // The first row's object is still lost: only who has the bytes can bring them back, and a new row has its own.
      const third = await create(content);
      expect((await send(third.url)).bytes.toString()).toBe(content);
      expect(await told(first.url)).toEqual([500, expect.stringMatching(/^OBJECT_(MISSING|CORRUPT)$/)]);
    }
  });
});

describe("deduplication of uploads", () => {
  it("never leans on bytes that are gone", async () => {
    const content = "uploaded twice";
    const create = async () => {
      const upload = await createUpload(place, "bytes");
      expect((await put(upload.url, content)).status).toBe(201);
      itemId += 1;
      const { createItem } = await place.get<{ createItem: { item: { bytes: { url: string } } } }>(
        "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { bytes { url } } } }",
        { input: { itemId, pictures: [], bytes: { upload: upload.id } } },
      );
      return createItem.item.bytes.url;
    };
    const before = new Set(place.files());
    await create();
    for (const file of place.files().filter((path) => !before.has(path))) rmSync(join(place.store, file));
    expect((await send(await create())).bytes.toString()).toBe(content);
  });
});

describe("folders and the user's own files", () => {
  it("a file of a folder that is lost is told from one that never was; a link in it is refused", async () => {
    const upload = await createUpload(place, "tree", { kind: "TREE", filename: "movie.zarr" });
    for (const path of ["a", "b", "c/0"]) expect((await put(`${upload.url}/${path}`, path)).status).toBe(201);
    await place.get("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id: upload.id });
    itemId += 1;
    const { createItem } = await place.get<{ createItem: { item: { tree: { url: string } } } }>(
      `mutation ($input: CreateItemInput!) { createItem(input: $input) { item { tree { url } } } }`,
      { input: { itemId, pictures: [], tree: { upload: upload.id } } },
    );
    const { url } = createItem.item.tree;
    const file = place.files().find((path) => path.endsWith("/c/0")) ?? "";
    const folder = join(place.store, file, "../..");
    rmSync(join(folder, "a"));
    expect(await told(`${url}/a`)).toEqual([500, "OBJECT_MISSING"]);
    expect(await told(`${url}/never`)).toEqual([404, "NOT_FOUND"]);
    renameSync(join(folder, "c"), join(place.folder, "c"));
    symlinkSync(join(place.folder, "c"), join(folder, "c"));
    expect(await told(`${url}/c/0`)).toEqual([403, "FORBIDDEN"]);
    expect((await send(`${url}/b`)).bytes.toString()).toBe("b");
  });

  it("are served as they are, and never through a link out of the store", async () => {
    const folder = join(place.store, "raw");
    mkdirSync(folder);
    writeFileSync(join(folder, "own.bin"), "own");
    writeFileSync(join(place.folder, "secret"), "secret");
    symlinkSync(join(place.folder, "secret"), join(folder, "link.bin"));
    symlinkSync(place.folder, join(folder, "out"));
    const refer = (path: string) => {
      itemId += 1;
      return place.ask<{ createItem: { item: { own: { url: string } } } }>(
        "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { own { url } } } }",
        { input: { itemId, pictures: [], own: { path } } },
      );
    };
    for (const path of ["raw/link.bin", "raw/out/secret"])
      expect((await refer(path)).errors?.[0]?.extensions["code"]).toMatch(
        /^(FORBIDDEN|CODEC_INVALID_VALUE)$/,
      );
    const { data } = await refer("raw/own.bin");
    const url = data?.createItem.item.own.url ?? "";
    const status = async () =>
      (
        await place.get<{ item: { own: { status: string } } }>(
          `{ item(itemId: ${itemId}) { own { status } } }`,
        )
      ).item.own.status;
    expect([(await send(url)).bytes.toString(), await status()]).toEqual(["own", "PRESENT"]);
    writeFileSync(join(folder, "own.bin"), "changed by its owner");
    expect([(await send(url)).bytes.toString(), await status()]).toEqual(["changed by its owner", "CHANGED"]);
    rmSync(join(folder, "own.bin"));
    expect([await told(url), await status()]).toEqual([[500, "OBJECT_MISSING"], "MISSING"]);
    symlinkSync(join(place.folder, "secret"), join(folder, "own.bin"));
    expect(await told(url)).toEqual([403, "FORBIDDEN"]);
  });
});

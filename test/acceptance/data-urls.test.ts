/** Data URLs as clients use and misuse them. Public surface only. */

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createUpload, put, send } from "./support/exchange.ts";
import { Place, raw } from "./support/place.ts";

const place = new Place();
const fields = ["inRow", "inRowFile", "array", "blob", "file", "bytes", "own"] as const;
type Field = (typeof fields)[number];
let urls: Readonly<Record<Field | "tree", string>>;
/** 1,000 numbers: 4,000 bytes behind the header. */
const numbers = Array.from({ length: 1000 }, (_, i) => i);
const ownBytes = Buffer.from("the user's own bytes");

const select = `{ ${[...fields, "tree"].map((field) => `${field} { url }`).join(" ")} }`;

beforeAll(async () => {
  await place.start();
  await makeItem(place);
  const { item } = await place.get<{ item: Record<string, { url: string }> }>(
    `{ item(itemId: 1) ${select} }`,
  );
  // The selection above has exactly these fields.
  urls = Object.fromEntries(Object.entries(item).map(([name, value]) => [name, value.url])) as typeof urls;
});

afterAll(() => place.close());

async function makeItem(at: Place): Promise<void> {
  mkdirSync(join(at.store, "raw"), { recursive: true });
  writeFileSync(join(at.store, "raw/own.bin"), ownBytes);
  const tree = await createUpload(at, "tree", { kind: "TREE", filename: "movie.zarr" });
  for (const path of ["zarr.json", "c/0/0", "c/0/1"])
    expect((await put(`${tree.url}/${path}`, path)).status).toBe(201);
  await at.get("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id: tree.id });
  await at.get("mutation ($input: CreateItemInput!) { createItem(input: $input) { item { itemId } } }", {
    input: {
      itemId: 1,
      inRow: { json: { a: [1, 2] } },
      inRowFile: { text: { name: "in row.txt", content: "in the row" } },
      array: { values: { dtype: "int32", shape: [1000], data: numbers } },
      blob: { json: ["in the store"] },
      file: { text: { name: "notes.html", content: "<b>notes</b>" } },
      bytes: { base64: { name: "x", content: Buffer.from("hash").toString("base64") } },
      tree: { upload: tree.id },
      own: { path: "raw/own.bin" },
      pictures: [],
    },
  });
}

describe("what a data URL gives", () => {
  it("the bytes, with their digest as ETag", async () => {
    const texts = { inRowFile: "in the row", file: "<b>notes</b>", bytes: "hash", own: String(ownBytes) };
    for (const [field, text] of Object.entries(texts)) {
      // The keys are fields.
      expect((await send(urls[field as Field])).bytes.toString()).toBe(text);
    }
    const array = await send(urls.array);
    expect(array.bytes.subarray(-4000)).toEqual(Buffer.from(Int32Array.from(numbers).buffer));
    const digest = createHash("sha256").update(array.bytes).digest("hex");
    expect(array.headers.get("etag")).toBe(`"sha256:${digest}"`);
    for (const path of ["zarr.json", "c/0/0", "c/0/1"])
      expect((await send(`${urls.tree}/${path}`)).bytes.toString()).toBe(path);
  });

  it.each([...fields, "tree"] as const)("HEAD tells of %s what GET does, for ranges too", async (field) => {
    const url = field === "tree" ? `${urls.tree}/c/0/0` : urls[field];
    for (const headers of [{}, { range: "bytes=1-2" }, { range: "bytes=-3" }, { range: "bytes=99999-" }]) {
      const [got, told] = [await send(url, { headers }), await send(url, { method: "HEAD", headers })];
      const shown = (all: Headers) =>
        Object.fromEntries(
          [...all].filter(([name]) => !/^(date|x-request-id|connection|keep-alive)$/.test(name)),
        );
      expect([told.status, shown(told.headers)]).toEqual([got.status, shown(got.headers)]);
      expect(told.bytes.length).toBe(0);
      if (got.status < 300) expect(got.headers.get("content-length")).toBe(String(got.bytes.length));
    }
  });

  it("what arrays hold beyond JSON's numbers, by value and by URL", async () => {
    const arrays = [
      { dtype: "float64", shape: [4], data: ["NaN", "Infinity", "-Infinity", 0.1] },
      { dtype: "float32", shape: [2, 1], data: [["-Infinity"], [0.5]] },
      { dtype: "int64", shape: [2], data: ["9223372036854775807", "-9223372036854775808"] },
      { dtype: "uint64", shape: [2], data: ["18446744073709551615", "9007199254740993"] },
      { dtype: "int16", shape: [0, 3], data: [] },
    ];
    const sizes = { float64: 8, float32: 4, int64: 8, uint64: 8, int16: 2 };
    for (const [i, array] of arrays.entries()) {
      const { createItem } = await place.get<{
        createItem: { item: { array: { dtype: string; shape: number[]; values: unknown; url: string } } };
      }>(
        "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { array { dtype shape values url } } } }",
        { input: { itemId: 100 + i, pictures: [], array: { values: array } } },
      );
      const { url, ...told } = createItem.item.array;
      const { data, ...given } = array;
      expect(told).toEqual({ ...given, values: data });
      const elements = array.shape.reduce((product, length) => product * length, 1);
      // The keys are the types above.
      const bytes = elements * sizes[array.dtype as keyof typeof sizes];
      expect((await send(url)).bytes.length).toBe(128 + bytes);
    }
  });

  it("is attached, sandboxed, never sniffed, and open to every origin", async () => {
    const { headers } = await send(urls.file, { headers: { origin: "https://elsewhere.example" } });
    expect(Object.fromEntries(headers)).toMatchObject({
      "access-control-allow-origin": "*",
      "accept-ranges": "bytes",
      "content-disposition": expect.stringMatching(/^attachment; .*notes\.html/),
      "content-security-policy": "sandbox; default-src 'none'",
      "content-type": "application/octet-stream",
      "x-content-type-options": "nosniff",
    });
    expect(headers.get("set-cookie")).toBeNull();
    expect(headers.get("content-encoding")).toBeNull();
  });
});

/** Ranges of the array's URL, whose size is `size`. */
const ranges: readonly (readonly [
  range: string,
  status: number,
  of: (size: number) => readonly [number, number],
])[] = [
  ["bytes=0-0", 206, () => [0, 1]],
  ["bytes=10-19", 206, () => [10, 20]],
  ["bytes=4000-", 206, (size) => [4000, size]],
  ["bytes=-7", 206, (size) => [size - 7, size]],
  ["bytes=-999999", 206, (size) => [0, size]],
  ["bytes=0-999999999999999999999", 206, (size) => [0, size]],
  ["bytes=0-1,5-6", 200, (size) => [0, size]],
  ["bytes=5-4", 200, (size) => [0, size]],
  ["bytes=a-b", 200, (size) => [0, size]],
  ["bytes=", 200, (size) => [0, size]],
  ["items=0-1", 200, (size) => [0, size]],
];

describe("ranges", () => {
  it.each(ranges)("%s is %s", async (range, status, of) => {
    const whole = (await send(urls.array)).bytes;
    const part = await send(urls.array, { headers: { range } });
    const [start, end] = of(whole.length);
    expect(part.status).toBe(status);
    expect(part.bytes).toEqual(whole.subarray(start, end));
    const contentRange = status === 206 ? `bytes ${start}-${end - 1}/${whole.length}` : null;
    expect(part.headers.get("content-range")).toBe(contentRange);
  });

  it.each(["bytes=4128-", "bytes=99999999999-", "bytes=-0", "bytes=9007199254740993-9007199254740994"])(
    "%s lies beyond the end",
    async (range) => {
      const size = (await send(urls.array)).bytes.length;
      expect(size).toBe(4128);
      const answer = await send(urls.array, { headers: { range } });
      expect([answer.status, answer.code]).toEqual([416, "RANGE_NOT_SATISFIABLE"]);
      expect(answer.headers.get("content-range")).toBe(`bytes */${size}`);
    },
  );
});

describe("conditions", () => {
  it("If-None-Match answers 304 without a body, also by HEAD, and only for what is the same", async () => {
    for (const field of fields) {
      const etag = (await send(urls[field])).headers.get("etag") ?? "";
      for (const value of [etag, `"x", ${etag}`, "*", `W/${etag.replace(/^W\//, "")}`]) {
        const same = await send(urls[field], { headers: { "if-none-match": value } });
        expect([field, value, same.status, same.bytes.length]).toEqual([field, value, 304, 0]);
        expect(same.headers.get("etag")).toBe(etag);
      }
      expect((await send(urls[field], { headers: { "if-none-match": '"x"' } })).status).toBe(200);
      expect((await send(urls[field], { headers: { "if-match": '"x"' } })).status).toBe(412);
    }
  });

  it("If-Range gives the range for the same strong ETag only", async () => {
    const headers = (value: string) => ({ headers: { range: "bytes=0-1", "if-range": value } });
    const etag = (await send(urls.array)).headers.get("etag") ?? "";
    expect((await send(urls.array, headers(etag))).status).toBe(206);
    for (const value of ['"x"', `W/${etag}`, "Sun, 06 Nov 1994 08:49:37 GMT", "nonsense"])
      expect((await send(urls.array, headers(value))).status).toBe(200);
    const weak = (await send(urls.own)).headers.get("etag") ?? "";
    expect(weak).toMatch(/^W\//);
    expect((await send(urls.own, headers(weak))).status).toBe(200);
  });
});

describe("capabilities that open nothing", () => {
  const swap = (text: string, at: number) =>
    `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;

  it("cut, changed, extended or empty ones", async () => {
    const [, token = "", rest = ""] = /\/d\/([^/]+)(\/.*)$/.exec(urls.array) ?? [];
    const wrong = [0, 1, 5, 12, 20, token.length - 30, token.length - 23, token.length - 2].map((at) =>
      swap(token, at),
    );
    const cut = [1, 4, 20, token.length - 1].map((length) => token.slice(0, length));
    for (const bad of [...wrong, ...cut, `${token}A`, `${token}=`, token.toLowerCase(), "x"]) {
      const answer = await send(`${place.url}/d/${bad}${rest}`);
      expect([bad, answer.status, answer.code]).toEqual([bad, 404, "NOT_FOUND"]);
    }
    expect((await send(`${place.url}/d//${rest}`)).status).toBe(400);
    expect((await send(`${place.url}/d/${token}`)).status).toBe(404);
    expect((await send(`${place.url}/d/`)).status).toBeGreaterThanOrEqual(400);
  });

  it("those of another kind", async () => {
    const upload = await createUpload(place, "array");
    const asData = await send(`${upload.url.replace("/uploads/", "/d/")}/array.npy`);
    expect([asData.status, asData.code]).toEqual([404, "NOT_FOUND"]);
    const [, token = ""] = /\/d\/([^/]+)/.exec(urls.array) ?? [];
    const asUpload = await put(`${place.url}/uploads/${token}`, "bytes");
    expect([asUpload.status, asUpload.code]).toEqual([404, "NOT_FOUND"]);
    expect((await put(urls.array, "bytes")).status).toBe(405);
  });

  it("those of another server", async () => {
    const other = new Place();
    try {
      await other.start();
      await makeItem(other);
      const { item } = await other.get<{ item: Record<string, { url: string }> }>(
        `{ item(itemId: 1) ${select} }`,
      );
      for (const [name, { url }] of Object.entries(item)) {
        const inside = name === "tree" ? `${url}/zarr.json` : url;
        expect((await send(inside)).status).toBe(200);
        const answer = await send(inside.replace(other.url, place.url));
        expect([answer.status, answer.code]).toEqual([404, "NOT_FOUND"]);
      }
    } finally {
      await other.close();
    }
  });

  it("expired ones, with the time", async () => {
    const ask = (seconds: number) =>
      place.ask<{ item: { array: { url: string } } }>(
        "query ($seconds: Int!) { item(itemId: 1) { array { url(expiresIn: $seconds) } } }",
        { seconds },
      );
    const url = (await ask(1)).data?.item.array.url ?? "";
    expect((await send(url)).status).toBe(200);
    await sleep(2100);
    const late = await send(url);
    expect([late.status, late.code]).toEqual([403, "FORBIDDEN"]);
    expect(late.message).toMatch(/expired at \d{4}-/);
    for (const [seconds, code] of [
      [0, "BAD_USER_INPUT"],
      [-1, "BAD_USER_INPUT"],
      [604_801, "BAD_USER_INPUT"],
    ] as const)
      expect((await ask(seconds)).errors?.[0]?.extensions).toMatchObject({ code });
    expect((await send((await ask(604_800)).data?.item.array.url ?? "")).status).toBe(200);
  });
});

const dots = ["..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%25252e%25252e"];
const slashes = ["/", "%2f", "%2F", "%252f", "\\", "%5c", "%255c"];
const traversals = [
  ...dots.flatMap((dot) => slashes.map((slash) => [dot, dot, "etc", "passwd"].join(slash))),
  ...dots.map((dot) => `c/${dot}/zarr.json`),
  "c//0/0",
  "/zarr.json",
  "./zarr.json",
  "%2e/zarr.json",
  "c%2f0%2f0",
  "c%5c0",
  "zarr.json%00",
  "%00",
  "zarr%2500.json",
  "zarr.json%0a",
  "%c0%ae%c0%ae/zarr.json",
  "%ff",
  "%zz",
  "%",
];

describe("paths that lead elsewhere", () => {
  it.each(traversals)("%s", async (path) => {
    const { pathname, host } = new URL(urls.tree);
    for (const method of ["GET", "HEAD"]) {
      // By socket: fetch would tidy the path up.
      const request = `${method} ${pathname}/${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
      const answer = await raw(place.url, request);
      expect(answer.status).toBe(400);
      expect(answer.body).not.toContain("zarr.json\r\n");
    }
  });

  it("a file that the folder never had is absent, not forbidden", async () => {
    for (const path of ["c/0/2", "c", "zarr.json/x", "ZARR.JSON", "…", "c/0/0.json"])
      expect((await send(`${urls.tree}/${path}`)).status).toBe(404);
    expect((await send(urls.tree)).status).toBe(404);
  });

  it("what a URL does not do yet is refused, not answered wrong", async () => {
    for (const query of ["slice=0:1", "format=csv"])
      expect((await send(`${urls.array}?${query}`)).status).toBe(400);
  });
});

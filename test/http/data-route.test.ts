import { createHash, randomBytes, randomUUID } from "node:crypto";
import { rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { CapabilitySubject } from "../../src/object/contract.ts";
import { dataPath } from "../../src/object/data-path.ts";
import { call, type Laboratory, openLaboratory, raw, type Served } from "./laboratory.ts";

const bytes = randomBytes(1000);
const sha256 = createHash("sha256").update(bytes).digest("hex");
let lab: Laboratory;
let served: Served;

beforeAll(async () => {
  lab = await openLaboratory();
  served = await lab.serve();
});

/** Puts bytes into the store and answers a subject for them. */
async function stored(
  content: Uint8Array,
  more: { sha256?: string; skip?: number; isTree?: boolean } = {},
): Promise<Extract<CapabilitySubject, { kind: "object" }>> {
  const path = `_schema/lab/t/${randomUUID()}.npy`;
  await lab.stores.get("main").driver.put(path, pieces(content));
  return { kind: "object", locator: `main:${path}`, gen: "77", isTree: false, ...more };
}

async function* pieces(content: Uint8Array): AsyncIterable<Uint8Array> {
  if (content.length > 0) yield content;
}

function pathOf(subject: CapabilitySubject, name = "trace.npy"): string {
  const isTree = subject.kind === "object" && subject.isTree;
  return dataPath(lab.objects.capabilities.sign(subject), name, { isTree, readable: ["Session", "1,2"] });
}

describe("a URL of a file", () => {
  let path: string;
  beforeAll(async () => {
    path = pathOf(await stored(bytes, { sha256 }));
  });

  it("gives all bytes, with the digest as strong ETag and nothing that a browser would run", async () => {
    const answer = await call(served.port, path);
    expect(answer.status).toBe(200);
    expect(answer.body.equals(bytes)).toBe(true);
    expect(answer.headers).toMatchObject({
      etag: `"sha256:${sha256}"`,
      "accept-ranges": "bytes",
      "content-length": "1000",
      "content-type": "application/octet-stream",
      "content-disposition": 'attachment; filename="trace.npy"',
      "content-security-policy": "sandbox; default-src 'none'",
      "x-content-type-options": "nosniff",
      "access-control-allow-origin": "*",
    });
    expect(answer.headers["access-control-expose-headers"]).toMatch(/Content-Range.*ETag/);
    expect(answer.headers["set-cookie"]).toBeUndefined();
    expect(answer.headers["content-encoding"]).toBeUndefined();
  });

  it.each([{}, { range: "bytes=3-9" }, { range: "bytes=2000-" }, { "if-none-match": `"sha256:${sha256}"` }])(
    "answers HEAD like GET, without the bytes: %j",
    async (headers) => {
      const get = await call(served.port, path, { headers });
      const head = await call(served.port, path, { method: "HEAD", headers });
      const told = ({ date: _, "x-request-id": __, connection: ___, ...rest }: typeof get.headers) => rest;
      expect(head.status).toBe(get.status);
      expect(told(head.headers)).toEqual(told(get.headers));
      expect(head.body.length).toBe(0);
    },
  );

  it.each([
    ["bytes=0-0", 0, 1],
    ["bytes=0-9", 0, 10],
    ["bytes=990-999", 990, 1000],
    ["bytes=990-5000", 990, 1000],
    ["bytes=500-", 500, 1000],
    ["bytes=-1", 999, 1000],
    ["bytes=-1000", 0, 1000],
    ["bytes=-9999", 0, 1000],
  ])("gives the range %s", async (range, start, end) => {
    const answer = await call(served.port, path, { headers: { range } });
    expect(answer.status).toBe(206);
    expect(answer.headers["content-range"]).toBe(`bytes ${start}-${end - 1}/1000`);
    expect(answer.headers["content-length"]).toBe(String(end - start));
    expect(answer.body.equals(bytes.subarray(start, end))).toBe(true);
  });

  it.each(["bytes=1000-", "bytes=1000-1001", "bytes=99999999999999999999-", "bytes=-0"])(
    "refuses the range %s",
    async (range) => {
      const answer = await call(served.port, path, { headers: { range } });
      expect(answer.status).toBe(416);
      expect(answer.headers["content-range"]).toBe("bytes */1000");
      expect(answer.headers["access-control-allow-origin"]).toBe("*");
      expect(answer.error().extensions.code).toBe("RANGE_NOT_SATISFIABLE");
    },
  );

  it.each(["bytes=0-1,5-6", "bytes=9-3", "bytes=x", "pages=1-2"])("gives the whole for %s", async (range) => {
    const answer = await call(served.port, path, { headers: { range } });
    expect([answer.status, answer.body.length, answer.headers["content-range"]]).toEqual([
      200,
      1000,
      undefined,
    ]);
  });

  it("honours If-None-Match, If-Match and If-Range", async () => {
    const etag = `"sha256:${sha256}"`;
    const status = async (headers: Record<string, string>) =>
      (await call(served.port, path, { headers })).status;
    expect(await status({ "if-none-match": etag })).toBe(304);
    expect(await status({ "if-none-match": '"other"' })).toBe(200);
    expect(await status({ "if-match": etag })).toBe(200);
    expect(await status({ "if-match": '"other"' })).toBe(412);
    expect(await status({ "if-range": etag, range: "bytes=0-1" })).toBe(206);
    expect(await status({ "if-range": '"other"', range: "bytes=0-1" })).toBe(200);
    expect(await status({ "if-range": '"other"', range: "bytes=5000-" })).toBe(200);
  });

  it("never encodes, whatever the client takes", async () => {
    const answer = await call(served.port, path, { headers: { "accept-encoding": "gzip, br, zstd" } });
    expect(answer.headers["content-encoding"]).toBeUndefined();
    expect(answer.body.equals(bytes)).toBe(true);
  });

  it("answers a preflight for ranges", async () => {
    const answer = await call(served.port, path, {
      method: "OPTIONS",
      headers: {
        origin: "https://viewer.example",
        "access-control-request-method": "GET",
        "access-control-request-headers": "range",
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers["access-control-allow-origin"]).toBe("*");
    expect(answer.headers["access-control-allow-headers"]).toMatch(/Range/);
    expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
  });

  it.each(["POST", "PUT", "DELETE", "PATCH"])("does not take %s", async (method) => {
    const answer = await call(served.port, path, { method });
    expect([answer.status, answer.headers.allow]).toEqual([405, "GET, HEAD, OPTIONS"]);
  });

  it("refuses slices by name instead of serving the whole", async () => {
    const answer = await call(served.port, `${path}?slice=0:1`);
    expect([answer.status, answer.error().extensions.code]).toEqual([400, "BAD_REQUEST"]);
  });

  it("keeps the capability out of the log", async () => {
    await call(served.port, path);
    await call(served.port, `${path}x/../y`);
    const capability = path.split("/")[2] ?? "?";
    expect(served.log.join("")).toContain("/d/[capability]/Session/");
    expect(served.log.join("")).not.toContain(capability);
  });
});

describe("other files", () => {
  it("skips the name that attach puts first", async () => {
    const subject = await stored(Buffer.concat([Buffer.from("a.txt\0"), bytes]), {
      sha256: "ab".repeat(32),
      skip: 6,
    });
    const path = pathOf(subject, "a.txt");
    const whole = await call(served.port, path);
    expect(whole.body.equals(bytes)).toBe(true);
    expect(whole.headers["content-length"]).toBe("1000");
    expect(whole.headers["content-type"]).toBe("text/plain; charset=utf-8");
    const part = await call(served.port, path, { headers: { range: "bytes=-10" } });
    expect(part.body.equals(bytes.subarray(990))).toBe(true);
    expect(part.headers["content-range"]).toBe("bytes 990-999/1000");
  });

  it("serves an empty object", async () => {
    const path = pathOf(await stored(new Uint8Array()));
    const whole = await call(served.port, path);
    expect([whole.status, whole.headers["content-length"], whole.headers.etag]).toEqual([200, "0", '"77-0"']);
    expect((await call(served.port, path, { headers: { range: "bytes=0-" } })).status).toBe(416);
    expect((await call(served.port, path, { headers: { range: "bytes=-5" } })).status).toBe(200);
  });

  it.each(["page.html", "image.svg", "doc.pdf", "data.xml", "x.js"])(
    "serves %s as bytes to be saved",
    async (name) => {
      const answer = await call(
        served.port,
        pathOf(await stored(Buffer.from("<script>alert(1)</script>")), name),
      );
      expect(answer.headers["content-type"]).toBe("application/octet-stream");
      expect(answer.headers["content-disposition"]).toBe(`attachment; filename="${name}"`);
    },
  );

  it("tells that an object is gone, before any header of success", async () => {
    const subject = await stored(bytes);
    await rm(join(lab.folder, "main", subject.locator.slice("main:".length)));
    for (const method of ["GET", "HEAD"]) {
      const answer = await call(served.port, pathOf(subject), { method });
      expect([answer.status, answer.headers.etag]).toEqual([500, undefined]);
      if (method === "GET") expect(answer.error().extensions.code).toBe("OBJECT_MISSING");
    }
  });
});

describe("a URL of a folder", () => {
  const files = { "zarr.json": "{}", "c/0/0": "chunk", "c/with space/é.bin": "x", ".zattrs": "{}" };
  let subject: Extract<CapabilitySubject, { kind: "object" }>;
  beforeAll(async () => {
    const path = `_schema/lab/t/volume_${randomUUID()}`;
    const { driver } = lab.stores.get("main");
    for (const [name, text] of Object.entries(files))
      await driver.put(`${path}/${name}`, pieces(Buffer.from(text)));
    const manifest = { files: [...Object.keys(files), "c/1/1"].map((name) => ({ path: name, size: 1 })) };
    await driver.put(`${path}.manifest.json`, pieces(Buffer.from(JSON.stringify(manifest))));
    await driver.put(`${path}x/secret`, pieces(Buffer.from("of another object")));
    subject = { kind: "object", locator: `main:${path}`, gen: "5", isTree: true };
  });

  it("covers every file below it, each with an ETag of its own", async () => {
    const etags = new Set<string | undefined>();
    for (const [name, text] of Object.entries(files)) {
      const answer = await call(
        served.port,
        `${pathOf(subject, "v.zarr")}/${name.split("/").map(encodeURIComponent).join("/")}`,
      );
      expect([answer.status, answer.body.toString()]).toEqual([200, text]);
      etags.add(answer.headers.etag);
    }
    expect(etags.size).toBe(4);
  });

  it("answers 404 for a file that it never had, and for itself", async () => {
    for (const path of ["/c/9/9", "/c", "/c/0", "", "/"]) {
      const answer = await call(served.port, pathOf(subject, "v.zarr") + path);
      expect([path, answer.status, answer.error().extensions.code]).toEqual([path, 404, "NOT_FOUND"]);
    }
  });

  it("tells a lost file from an absent one", async () => {
    const answer = await call(served.port, `${pathOf(subject, "v.zarr")}/c/1/1`);
    expect([answer.status, answer.error().extensions.code]).toEqual([500, "OBJECT_MISSING"]);
  });

  it.each([
    "/../volume",
    "/%2e%2e/x",
    "/c/..%2f..%2fx",
    "/..\\x",
    "/%5c..%5cx",
    "/%252e%252e/x",
    "/c%00",
    "//etc/passwd",
    "/./zarr.json",
    "/c/%c0%ae%c0%ae/x",
  ])("does not leave through %s", async (path) => {
    const head = await raw(
      served.port,
      `GET ${pathOf(subject, "v.zarr")}${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    expect(head).toMatch(/^HTTP\/1\.1 400 /);
    expect(head).toContain('"code":"BAD_REQUEST"');
  });
});

describe("a capability", () => {
  it("must be ours, unchanged", async () => {
    const good = pathOf(await stored(bytes));
    const [, , capability = ""] = good.split("/");
    const changed = good.replace(
      capability,
      `${capability.slice(0, -2)}${capability.endsWith("AA") ? "BB" : "AA"}`,
    );
    for (const path of [changed, "/d/x/y.npy", `/d/${"A".repeat(400)}/y.npy`]) {
      const answer = await call(served.port, path);
      expect([answer.status, answer.error().extensions.code]).toEqual([404, "NOT_FOUND"]);
      expect(answer.headers["access-control-allow-origin"]).toBe("*");
    }
  });

  it("ends, and then says when it did", async () => {
    const capability = lab.objects.capabilities.sign(await stored(bytes), { expiresInSeconds: 1 });
    await new Promise((resolve) => setTimeout(resolve, 2100));
    const answer = await call(served.port, `/d/${capability}/a.npy`);
    expect([answer.status, answer.error().extensions.code]).toEqual([403, "FORBIDDEN"]);
    expect(answer.error().message).toMatch(/\d{4}-\d\d-\d\dT/);
  });

  it("of an upload gives no bytes", async () => {
    const answer = await call(served.port, pathOf({ kind: "upload", id: randomUUID() }));
    expect(answer.status).toBe(404);
  });
});

describe("a URL of a table cell", () => {
  const cell = (column: string, id = "1"): CapabilitySubject => ({
    kind: "field",
    schema: "lab",
    table: '#odd "name',
    column,
    key: [["id", id]],
  });
  let withCodec: Served;
  beforeAll(async () => {
    await lab.db.query(`CREATE SCHEMA lab`);
    await lab.db.query(
      `CREATE TABLE lab."#odd ""name" (id int PRIMARY KEY, value bytea, big bytea, file jsonb, folder jsonb, evil jsonb)`,
    );
    const big = Buffer.alloc(3_000_000, 7);
    const insert = `INSERT INTO lab."#odd ""name" VALUES (1, $1, $2, $3, $4, $5), (2, NULL, NULL, NULL, NULL, NULL)`;
    await lab.db.query(insert, [
      Buffer.concat([Buffer.from("n.csv\0"), bytes]),
      big,
      JSON.stringify({ path: "rig/a.csv", store: "raw", size: 3, is_dir: false }),
      JSON.stringify({ path: "rig", store: null, is_dir: true }),
      JSON.stringify({ path: "../main/x", store: "raw" }),
    ]);
    await lab.stores.get("raw").driver.put("rig/a.csv", pieces(Buffer.from("1,2")));
    const attach = { name: "attach", content: async () => ({ start: 6, filename: "n.csv" }) };
    const external = { name: "filepath", addressing: "external" };
    // as: only what the reader of cells uses of a codec
    const codecOf = (_: string, __: string, column: string) =>
      (column === "value" ? attach : column === "big" ? undefined : external) as never;
    withCodec = await lab.serve({ codecOf });
  });

  it("gives the content, its digest as ETag, its own name", async () => {
    const answer = await call(withCodec.port, pathOf(cell("value"), "other.bin"));
    expect(answer.body.equals(bytes)).toBe(true);
    expect(answer.headers["content-disposition"]).toBe('attachment; filename="n.csv"');
    expect(answer.headers.etag).toMatch(/^"sha256:[0-9a-f]{64}-skip6"$/);
    const part = await call(withCodec.port, pathOf(cell("value")), { headers: { range: "bytes=10-19" } });
    expect(part.body.equals(bytes.subarray(10, 20))).toBe(true);
  });

  it("reads a large cell in pieces", async () => {
    const answer = await call(withCodec.port, pathOf(cell("big")), { headers: { range: "bytes=1-" } });
    expect([answer.status, answer.body.length, answer.body.every((byte) => byte === 7)]).toEqual([
      206,
      2_999_999,
      true,
    ]);
  });

  it("answers 404 when the row or its value is gone", async () => {
    for (const subject of [cell("value", "2"), cell("value", "3"), cell("file", "2")]) {
      const answer = await call(withCodec.port, pathOf(subject));
      expect([answer.status, answer.error().extensions.code]).toEqual([404, "NOT_FOUND"]);
    }
  });

  it("gives a user's file with a weak ETag that follows the file", async () => {
    const path = pathOf(cell("file"), "a.csv");
    const first = await call(withCodec.port, path);
    expect([first.status, first.body.toString(), first.headers["content-type"]]).toEqual([
      200,
      "1,2",
      "text/csv; charset=utf-8",
    ]);
    expect(first.headers.etag).toMatch(/^W\//);
    expect(
      (await call(withCodec.port, path, { headers: { "if-none-match": first.headers.etag } })).status,
    ).toBe(304);
    expect(
      (
        await call(withCodec.port, path, {
          headers: { "if-range": first.headers.etag ?? "", range: "bytes=0-0" },
        })
      ).status,
    ).toBe(200);
    const file = join(lab.folder, "raw", "rig/a.csv");
    await writeFile(file, "3,4");
    const { atime } = await stat(file);
    await utimes(file, atime, new Date(Date.now() + 5000));
    const second = await call(withCodec.port, path, { headers: { "if-none-match": first.headers.etag } });
    expect([second.status, second.body.toString()]).toEqual([200, "3,4"]);
    expect((await call(withCodec.port, `${pathOf(cell("folder"), "rig")}/../x`)).status).toBe(400);
  });

  it("gives the files of a user's folder, and refuses a path that leads out of the store", async () => {
    const inside = dataPath(lab.objects.capabilities.sign(cell("folder")), "rig", { isTree: true });
    expect((await call(withCodec.port, `${inside}/a.csv`)).body.toString()).toBe("3,4");
    expect((await call(withCodec.port, `${inside}/b.csv`)).status).toBe(404);
    const out = await call(withCodec.port, pathOf(cell("evil")));
    expect([out.status, out.error().extensions.code]).toEqual([400, "BAD_USER_INPUT"]);
  });

  it("opens no section of objects, and follows no link out of the store", async () => {
    await writeFile(join(lab.folder, "outside"), "not for you");
    await symlink(join(lab.folder, "outside"), join(lab.folder, "raw/rig/link"));
    const refused = [
      ["_hash/lab/x", 403],
      ["_obj/identity.json", 403],
      ["_trash/1/x", 403],
      ["/etc/passwd", 400],
    ] as const;
    for (const [path, status] of refused) {
      await lab.db.query(`UPDATE lab."#odd ""name" SET evil = $1 WHERE id = 1`, [
        JSON.stringify({ path, store: "raw" }),
      ]);
      expect([path, (await call(withCodec.port, pathOf(cell("evil")))).status]).toEqual([path, status]);
    }
    await lab.db.query(`UPDATE lab."#odd ""name" SET evil = $1`, [
      JSON.stringify({ path: "rig/link", store: "raw" }),
    ]);
    const link = await call(withCodec.port, pathOf(cell("evil")));
    expect(link.status).toBeGreaterThanOrEqual(400);
    expect(link.body.toString()).not.toContain("not for you");
  });
});

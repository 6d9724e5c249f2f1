import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import image from "../../codecs/image.ts";
import { defineCodec, type JsonObject } from "../../src/codec/contract.ts";
import { dataPath } from "../../src/object/data-path.ts";
import type { DerivedSubject } from "../../src/object/derived-subject.ts";
import { call, type Laboratory, openLaboratory, type Served } from "./laboratory.ts";

const rgb = readFileSync(new URL("../fixtures/image/rgb.png", import.meta.url));
let lab: Laboratory;
let served: Served;

/** Tells how often it was asked, and waits until `open` is called. */
const gate = { asked: 0, stopped: 0, open: Promise.withResolvers<void>() };
const counting = defineCodec({
  name: "counting",
  version: 1,
  summary: "For the test.",
  chain: { store: "json" },
  addressing: "schema",
  output: "Counted",
  input: "CountedInput",
  typeDefs: "input CountedInput @oneOf { text: String }",
  fields: {},
  derived: {
    page: {
      description: "the object behind a gate.",
      args: "times: Int = 1",
      settle: ({ times = 1 }) => ({ times: Number(times) }),
      ext: () => ".html",
      async make(value, { times }, { signal }) {
        gate.asked += 1;
        const stop = Promise.withResolvers<never>();
        signal?.addEventListener("abort", () => {
          gate.stopped += 1;
          stop.reject(signal.reason);
        });
        await Promise.race([gate.open.promise, stop.promise]);
        const bytes = await value.bytes();
        return Buffer.alloc(bytes.sizeBytes * Number(times), await bytes.read(0, bytes.sizeBytes));
      },
    },
  },
  encode: () => ({ body: new Uint8Array() }),
  metadata: () => ({}),
  decode: async () => null,
});

beforeAll(async () => {
  lab = await openLaboratory();
  served = await lab.serve({ codecs: [image, counting] });
});

async function* pieces(content: Uint8Array): AsyncIterable<Uint8Array> {
  yield content;
}

/** Puts an object and answers what of it is to be made. */
async function wished(content: Uint8Array, more: Partial<DerivedSubject> = {}): Promise<DerivedSubject> {
  const path = `_schema/lab/t/${randomUUID()}.bin`;
  await lab.stores.get("main").driver.put(path, pieces(content));
  const args = image.derived?.["thumbnail"]?.settle({ width: 4, height: 4, format: "png" }) ?? {};
  const sha256 = createHash("sha256").update(content).digest("hex");
  const object = { locator: `main:${path}`, gen: "5", isTree: false, sha256, sizeBytes: content.length };
  const codec = { codec: "image", codecArgs: {}, name: "thumbnail", args, filename: "a-thumbnail.png" };
  return { kind: "derived", ...object, ...codec, ...more };
}

const counted = (args: JsonObject) => ({ codec: "counting", name: "page", args, filename: "a-page.html" });

function pathOf(subject: DerivedSubject, name = subject.filename): string {
  return dataPath(lab.objects.capabilities.sign(subject), name, { readable: ["Item", "1"] });
}

describe("a URL of a small copy", () => {
  let path: string;
  let subject: DerivedSubject;
  beforeAll(async () => {
    subject = await wished(rgb);
    path = pathOf(subject);
  });

  it("gives the copy, with the headers of all served bytes, under its own name whatever the URL says", async () => {
    for (const url of [path, pathOf(subject, "page.html")]) {
      const answer = await call(served.port, url);
      expect(answer.status).toBe(200);
      expect(answer.headers).toMatchObject({
        etag: expect.stringMatching(/^W\/"[0-9a-f]{32}"$/),
        "cache-control": "private, max-age=300, no-transform",
        "content-length": String(answer.body.length),
        "content-type": "image/png",
        "content-disposition": 'attachment; filename="a-thumbnail.png"',
        "content-security-policy": "sandbox; default-src 'none'",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
      });
      // The head of a PNG: width and height.
      expect(Math.max(answer.body.readUInt32BE(16), answer.body.readUInt32BE(20))).toBe(4);
    }
  });

  it("answers HEAD and ranges, and 304 by the validator", async () => {
    const whole = await call(served.port, path);
    const head = await call(served.port, path, { method: "HEAD" });
    expect([head.status, head.headers["content-length"], head.body.length]).toEqual([
      200,
      String(whole.body.length),
      0,
    ]);
    const part = await call(served.port, path, { headers: { range: "bytes=2-5" } });
    expect([part.status, part.body]).toEqual([206, whole.body.subarray(2, 6)]);
    const etag = String(whole.headers.etag);
    for (const method of ["GET", "HEAD"]) {
      const same = await call(served.port, path, { method, headers: { "if-none-match": etag } });
      expect([same.status, same.headers.etag, same.body.length]).toEqual([304, etag, 0]);
    }
    // Bytes of another release may differ: a weak validator never continues a download.
    const resumed = await call(served.port, path, { headers: { range: "bytes=2-5", "if-range": etag } });
    expect([resumed.status, resumed.body]).toEqual([200, whole.body]);
  });

  it("has another validator for another wish, digest or generation, and the same for the same", async () => {
    const tag = async (of: DerivedSubject) =>
      (await call(served.port, pathOf(of), { method: "HEAD" })).headers.etag;
    const larger = image.derived?.["thumbnail"]?.settle({ width: 5, height: 5, format: "png" }) ?? {};
    const tags = [subject, { ...subject, args: larger }, { ...subject, gen: "6" }];
    expect(new Set(await Promise.all(tags.map(tag))).size).toBe(3);
    expect(await tag({ ...subject })).toBe(await tag(subject));
  });

  it("is refused for what is no image, what is gone, what no codec makes, and a changed capability", async () => {
    const code = async (of: DerivedSubject) => {
      const { status, error } = await call(served.port, pathOf(of)).then((answer) => ({
        status: answer.status,
        error: answer.error(),
      }));
      return [status, error.extensions.code];
    };
    expect(await code(await wished(Buffer.from("<svg/>")))).toEqual([500, "CODEC_CORRUPT"]);
    expect(await code({ ...subject, locator: "main:_schema/lab/t/none" })).toEqual([500, "OBJECT_MISSING"]);
    expect(await code({ ...subject, sizeBytes: 3, gen: "9" })).toEqual([500, "OBJECT_CORRUPT"]);
    expect(await code({ ...subject, name: "constructor" })).toEqual([404, "NOT_FOUND"]);
    expect((await code({ ...subject, codec: "gone" }))[0]).toBeGreaterThanOrEqual(400);
    const [, mark, capability, ...rest] = path.split("/");
    const forged = `/${mark}/${capability?.replace(/.$/, (last) => (last === "A" ? "B" : "A"))}/${rest.join("/")}`;
    expect((await call(served.port, forged)).status).toBe(404);
  });
});

describe("who asks for the same at the same time", () => {
  it("shares one making, and what is made is kept", async () => {
    gate.open = Promise.withResolvers();
    gate.asked = 0;
    const path = pathOf(await wished(Buffer.from("abc"), counted({ times: 2 })));
    const asked = Array.from({ length: 5 }, () => call(served.port, path));
    while (gate.asked === 0) await setImmediate();
    gate.open.resolve();
    const answers = await Promise.all(asked);
    expect(answers.map(({ body }) => body.toString())).toEqual(Array(5).fill("abcabc"));
    expect((await call(served.port, path)).body.toString()).toBe("abcabc");
    expect(gate.asked).toBe(1);
    // A browser that follows the URL gets no page.
    expect(answers[0]?.headers["content-type"]).toBe("application/octet-stream");
  });

  it("does not keep a failure, nor what is larger than a file may be", async () => {
    gate.open.resolve();
    const subject = await wished(Buffer.alloc(2 ** 20), counted({ times: 17 }));
    for (const _ of [1, 2]) {
      const answer = await call(served.port, pathOf(subject));
      expect([answer.status, answer.error().extensions.code]).toEqual([413, "LIMIT_EXCEEDED"]);
    }
    const missing = await wished(Buffer.from("x"), counted({ times: 1 }));
    const { driver } = lab.stores.get("main");
    const path = missing.locator.slice("main:".length);
    const lost = { ...missing, locator: `main:${path}.late` };
    expect((await call(served.port, pathOf(lost))).status).toBe(500);
    await driver.put(`${path}.late`, pieces(Buffer.from("y")));
    expect((await call(served.port, pathOf(lost))).body.toString()).toBe("y");
  });

  it("stops the work when all have gone", async () => {
    gate.open = Promise.withResolvers();
    gate.asked = 0;
    gate.stopped = 0;
    const path = pathOf(await wished(Buffer.from("abc"), counted({ times: 3 })));
    const leave = new AbortController();
    const gone = [1, 2].map(() =>
      fetch(served.url + path, { signal: leave.signal }).then(
        () => "answered",
        () => "left",
      ),
    );
    while (gate.asked === 0) await setImmediate();
    leave.abort();
    expect(await Promise.all(gone)).toEqual(["left", "left"]);
    while (gate.stopped === 0) await setImmediate();
    gate.open.resolve();
    expect((await call(served.port, path)).body.toString()).toBe("abcabcabc");
    expect(gate.asked).toBe(2);
  });
});

/** Bad days: what the driver does when servers and networks fail in between. Every acknowledged write is whole; nothing else is seen. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { isServiceError } from "../../src/errors.ts";
import type { StoreDriver } from "../../src/store/contract.ts";
import { createS3Driver } from "../../src/store/s3.ts";
import { bodyOf, codeOf, collect } from "../contract/store.ts";
import { type Fault, type FaultProxy, type Seen, startProxy } from "./support/proxy.ts";
import { isOn, type S3Server, startS3, storeOn } from "./support/server.ts";

let server: S3Server;
let proxy: FaultProxy;
let count = 0;
beforeAll(async () => {
  server = await startS3();
  proxy = await startProxy(server.endpoint);
});
afterAll(async () => {
  await proxy.close();
  await server.close();
});
afterEach(() => {
  proxy.rule = () => undefined;
});

const partBytes = 5 << 20;
const limits = { attempts: 3, stallMs: 1_000, connectMs: 1_000, partBytes };

/** The driver through the proxy, ready, and the one that sees what is truly there. */
async function pair(): Promise<{ driver: StoreDriver; truth: StoreDriver; location: string }> {
  const location = `store${count++}`;
  const config = storeOn(server, location);
  const driver = createS3Driver(storeOn(server, location, { endpoint: proxy.endpoint }), limits);
  await driver.put("ready", bodyOf(Buffer.from("x")));
  return { driver, truth: createS3Driver(config, { partBytes }), location };
}

/** The rule for requests that match: the faults in turn, then none; or the one fault for ever. */
function upon(matches: (request: Seen) => boolean, faults: Fault | Fault[]): void {
  const left = Array.isArray(faults) ? [...faults] : undefined;
  proxy.rule = (request) =>
    matches(request) ? (left === undefined ? (faults as Fault) : left.shift()) : undefined;
}

const method = (name: string) => (request: Seen) => request.method === name;
const isComplete = ({ method, url }: Seen) => method === "POST" && /[?&]uploadId=/.test(url);
const isPart = ({ method, url }: Seen) => method === "PUT" && /[?&]partNumber=/.test(url);
const isAbort = ({ method, url }: Seen) => method === "DELETE" && /[?&]uploadId=/.test(url);

async function same(driver: StoreDriver, path: string, bytes: Buffer): Promise<boolean> {
  const got = await driver.get(path);
  return got !== undefined && Buffer.compare(await collect(got.body), bytes) === 0;
}

function pattern(length: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(length, seed & 255);
  for (let at = 0; at + 4 <= length; at += 1024) bytes.writeUInt32LE((at * 31 + seed) >>> 0, at);
  return bytes;
}

describe("reading", () => {
  const bytes = pattern(1_500_000);
  const put = async () => {
    const stores = await pair();
    await stores.truth.put("key", bodyOf(bytes));
    return stores;
  };

  test.each<[string, Fault[]]>([
    [
      "5xx",
      [
        { kind: "status", status: 503 },
        { kind: "status", status: 500 },
      ],
    ],
    ["broken connections", [{ kind: "reset" }, { kind: "reset" }]],
    ["a lost answer", [{ kind: "lostReply" }]],
    ["silence", [{ kind: "silence" }]],
    ["a body that breaks off, again and again", Array.from({ length: 6 }, () => ({ kind: "truncate" }))],
    ["a body that stalls", [{ kind: "stall" }, { kind: "stall" }]],
    ["a body that breaks off, then 5xx", [{ kind: "truncate" }, { kind: "status", status: 503 }]],
  ])("survives %s", async (_, faults) => {
    const { driver } = await put();
    upon(method("GET"), faults);
    expect(await same(driver, "key", bytes)).toBe(true);
    upon(method("GET"), faults);
    const part = await driver.get("key", { range: { start: 300_001, end: 1_200_002 } });
    expect(
      Buffer.compare(await collect(part?.body ?? bodyOf(bytes)), bytes.subarray(300_001, 1_200_002)),
    ).toBe(0);
  });

  test.each<[string, Fault]>([
    ["5xx without end", { kind: "status", status: 503 }],
    ["silence without end", { kind: "silence" }],
    ["a body that never comes", { kind: "truncate", part: 0 }],
    ["a short body announced as all", { kind: "short" }],
    ["a 404 of something that is no S3 server", { kind: "status", status: 404 }],
  ])("%s is an error, never a short or an absent object", async (_, fault) => {
    const { driver } = await put();
    upon(method("GET"), fault);
    expect(await codeOf(same(driver, "key", bytes))).toBe("STORE_UNAVAILABLE");
  });

  test("never mixes two objects when the key is replaced meanwhile", async () => {
    const { driver, truth } = await put();
    const got = await driver.get("key");
    upon(method("GET"), { kind: "truncate" });
    const cut = await driver.get("key");
    proxy.rule = () => undefined;
    await truth.delete("key");
    await truth.put("key", bodyOf(pattern(1_500_000, 9)));
    expect(await codeOf(collect(cut?.body ?? bodyOf(bytes)))).toBe("REFERENCE_CHANGED");
    await collect(got?.body ?? bodyOf(bytes)).catch(() => undefined);
  });

  test.each([
    [403, "AccessDenied", "STORE_UNAVAILABLE", /denies s3:GetObject/],
    [403, "InvalidObjectState", "OBJECT_ARCHIVED", /has archived the object/],
    [403, "RequestTimeTooSkewed", "STORE_UNAVAILABLE", /another time than this machine/],
    [403, "InvalidAccessKeyId", "STORE_UNAVAILABLE", /does not know the access key/],
    [404, "NoSuchBucket", "STORE_UNAVAILABLE", /has no such bucket/],
    [503, "SlowDown", "STORE_UNAVAILABLE", /asks to slow down/],
  ])("%i %s is told", async (status, code, told, message) => {
    const { driver } = await put();
    upon(method("GET"), { kind: "status", status, code });
    const error: unknown = await driver.get("key").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: told, message: expect.stringMatching(message) });
  });

  test("ends at once when the caller does, with a stalled server too", async () => {
    const { driver } = await put();
    const controller = new AbortController();
    upon(method("GET"), { kind: "stall" });
    const got = await driver.get("key", { signal: controller.signal });
    const reading = collect(got?.body ?? bodyOf(bytes));
    setTimeout(() => controller.abort(), 50);
    await expect(reading).rejects.toThrow(/abort/i);
  });
});

describe("writing a short body", () => {
  const bytes = pattern(300_000);

  test.each<[string, Fault[]]>([
    [
      "5xx",
      [
        { kind: "status", status: 503 },
        { kind: "status", status: 500 },
      ],
    ],
    ["broken connections", [{ kind: "reset" }]],
    ["silence", [{ kind: "silence" }]],
    ["a lost answer, once", [{ kind: "lostReply" }]],
    ["a lost answer, each time", Array.from({ length: 4 }, () => ({ kind: "lostReply" }))],
  ])("survives %s", async (_, faults) => {
    const { driver, truth } = await pair();
    upon(method("PUT"), faults);
    expect(await driver.put("key", bodyOf(bytes))).toMatchObject({ sizeBytes: bytes.length });
    expect(await same(truth, "key", bytes)).toBe(true);
  });

  test("takes the bytes of another for no bytes of ours, whatever gets lost", async () => {
    const { driver, truth } = await pair();
    await truth.put("key", bodyOf(bytes));
    upon(method("PUT"), [{ kind: "status", status: 503 }, { kind: "lostReply" }]);
    expect(await codeOf(driver.put("key", bodyOf(bytes)))).toBe("STORE_CONFLICT");
  });

  test("is no conflict when nobody can tell whose the bytes are", async () => {
    const { driver, truth } = await pair();
    let isFirst = true;
    proxy.rule = ({ method }) => {
      if (method === "HEAD") return { kind: "status", status: 503 };
      const fault = isFirst ? ({ kind: "lostReply" } as const) : undefined;
      isFirst = false;
      return fault;
    };
    expect(await codeOf(driver.put("key", bodyOf(bytes)))).toBe("STORE_UNAVAILABLE");
    expect(await same(truth, "key", bytes)).toBe(true);
  });

  test.each<[string, Fault]>([
    ["5xx", { kind: "status", status: 500 }],
    ["silence", { kind: "silence" }],
    ["broken connections", { kind: "reset" }],
  ])("%s without end is told, and nothing is there", async (_, fault) => {
    const { driver, truth } = await pair();
    upon(method("PUT"), fault);
    expect(await codeOf(driver.put("key", bodyOf(bytes)))).toBe("STORE_UNAVAILABLE");
    expect(await truth.head("key")).toBeUndefined();
  });
});

test("looks before it writes where the server knows no conditions", async () => {
  const location = `store${count++}`;
  const driver = createS3Driver(storeOn(server, location, { endpoint: proxy.endpoint }), limits);
  upon(
    ({ url }) => url.includes("_obj"),
    [
      { kind: "status", status: 501, code: "NotImplemented" },
      { kind: "status", status: 501, code: "NotImplemented" },
    ],
  );
  await driver.put("key", bodyOf(Buffer.from("first")));
  proxy.seen.length = 0;
  expect(await codeOf(driver.put("key", bodyOf(Buffer.from("second"))))).toBe("STORE_CONFLICT");
  expect(proxy.seen.map((request) => request.method)).toEqual(["HEAD"]);
  expect(await same(driver, "key", Buffer.from("first"))).toBe(true);
});

describe("writing a long body", () => {
  const bytes = pattern(3 * partBytes + 77);

  async function openUploads(driver: StoreDriver): Promise<number> {
    let open = 0;
    for await (const _ of driver.multipart?.open("key") ?? []) open += 1;
    return open;
  }

  test.each<[string, (request: Seen) => boolean, Fault[]]>([
    [
      "5xx on parts",
      isPart,
      [
        { kind: "status", status: 503 },
        { kind: "status", status: 503 },
      ],
    ],
    ["parts whose answers get lost", isPart, [{ kind: "lostReply" }, { kind: "lostReply" }]],
    ["parts that break off", isPart, [{ kind: "reset" }, { kind: "silence" }]],
    ["5xx on completion", isComplete, [{ kind: "status", status: 500 }]],
    ["a completion whose answer gets lost", isComplete, [{ kind: "lostReply" }]],
    [
      "a completion whose answer gets lost each time",
      isComplete,
      Array.from({ length: 3 }, () => ({ kind: "lostReply" })),
    ],
  ])("survives %s", async (_, matches, faults) => {
    const { driver, truth } = await pair();
    upon(matches, faults);
    expect(await driver.put("key", bodyOf(bytes, 100_003))).toMatchObject({ sizeBytes: bytes.length });
    expect(await same(truth, "key", bytes)).toBe(true);
    expect(await openUploads(truth)).toBe(0);
  });

  test.each<[string, (request: Seen) => boolean, Fault]>([
    ["parts", isPart, { kind: "status", status: 503 }],
    ["parts, silently", isPart, { kind: "silence" }],
    ["completion", isComplete, { kind: "reset" }],
  ])("trouble without end on %s is told; nothing is there, nothing is left", async (_, matches, fault) => {
    const { driver, truth } = await pair();
    upon(matches, fault);
    expect(await codeOf(driver.put("key", bodyOf(bytes, 100_003)))).toBe("STORE_UNAVAILABLE");
    expect(await truth.head("key")).toBeUndefined();
    expect(await openUploads(truth)).toBe(0);
  });

  const isBegin = ({ method, url }: Seen) => method === "POST" && /[?&]uploads(=|&|$)/.test(url);
  test.each<[string, (request: Seen) => boolean, Fault]>([
    ["no checksum of the whole", isBegin, { kind: "status", status: 400, code: "InvalidArgument" }],
    ["no condition on completion", isComplete, { kind: "status", status: 501, code: "NotImplemented" }],
  ])("is content with a server that knows %s", async (_, matches, fault) => {
    const { driver, truth } = await pair();
    upon(matches, [fault]);
    await driver.put("key", bodyOf(bytes, 100_003));
    expect(await same(truth, "key", bytes)).toBe(true);
    expect(await codeOf(driver.put("key", bodyOf(bytes)))).toBe("STORE_CONFLICT");
  });

  test("an abort that fails too does not hide the first trouble", async () => {
    const { driver, truth } = await pair();
    proxy.rule = (request) =>
      isPart(request) || isAbort(request) ? { kind: "status", status: 503 } : undefined;
    expect(await codeOf(driver.put("key", bodyOf(bytes)))).toBe("STORE_UNAVAILABLE");
    expect(await truth.head("key")).toBeUndefined();
    expect(await openUploads(truth)).toBe(1);
  });
});

describe("listing", () => {
  const names = Array.from({ length: 2_500 }, (_, index) => `d/${String(index).padStart(5, "0")}`);

  let filledDriver: StoreDriver;
  // Read only by the tests, so once for all.
  beforeAll(async () => {
    const { driver, truth, location } = await pair();
    filledDriver = driver;
    if (isOn("versitygw")) {
      // Its objects are files, which are made faster than they are sent.
      const folder = join(server.folder, location);
      await mkdir(join(folder, "d"));
      for (const name of names) await writeFile(join(folder, name), "");
      return;
    }
    const left = [...names];
    const send = async (): Promise<void> => {
      for (let name = left.pop(); name !== undefined; name = left.pop())
        await truth.put(name, bodyOf(new Uint8Array()));
    };
    await Promise.all(Array.from({ length: 16 }, send));
  }, 180_000);
  const filled = async (): Promise<StoreDriver> => filledDriver;
  const paths = async (driver: StoreDriver): Promise<string[]> => {
    const found: string[] = [];
    for await (const { path } of driver.list("d/")) found.push(path);
    return found;
  };
  const isList = ({ method, url }: Seen) => method === "GET" && url.includes("list-type=2");

  /** Rewrites the answer to the `n`th page. */
  function page(n: number, body: (text: string, earlier: readonly string[]) => string): void {
    const earlier: string[] = [];
    let at = 0;
    proxy.rule = (request) => {
      if (!isList(request)) return undefined;
      at += 1;
      const isWanted = at === n;
      return {
        kind: "rewrite",
        body: (text) => {
          const told = isWanted ? body(text, earlier) : text;
          earlier.push(text);
          return told;
        },
      };
    };
  }

  test("gives every object, and survives 5xx and answers that break off", async () => {
    const driver = await filled();
    expect(await paths(driver)).toEqual(names);
    upon(isList, [{ kind: "status", status: 503 }, { kind: "reset" }]);
    expect(await paths(driver)).toEqual(names);
    upon(isList, { kind: "truncate" });
    expect(await codeOf(paths(driver))).toBe("STORE_UNAVAILABLE");
    upon(isList, { kind: "stall" });
    expect(await codeOf(paths(driver))).toBe("STORE_UNAVAILABLE");
  });

  const withoutSome = (text: string) =>
    text.replace(/(<Contents>(?:(?!<\/Contents>).)*<\/Contents>){3}/s, "");
  test.each<[string, number, (text: string, earlier: readonly string[]) => string]>([
    ["a page that is repeated", 2, (_, earlier) => earlier[0] ?? ""],
    ["a page that is cut, announced as whole", 2, (text) => text.slice(0, text.length / 2)],
    ["a page that lacks objects", 2, withoutSome],
    ["a page that says nothing of more", 1, (text) => text.replace(/<IsTruncated>.*?<\/IsTruncated>/, "")],
    [
      "an empty page that says there is more",
      2,
      (text) => text.replace(/<Contents>.*<\/Contents>/s, "").replace(/<KeyCount>\d+/, "<KeyCount>0"),
    ],
    ["another prefix", 1, (text) => text.replaceAll("<Key>store", "<Key>other")],
  ])("%s is an error", async (_, n, body) => {
    const driver = await filled();
    page(n, body);
    expect(await codeOf(paths(driver))).toBe("STORE_UNAVAILABLE");
  });

  test("an answer to another question, as a cache might give, is an error", async () => {
    const driver = await filled();
    const other = "<StartAfter>d%2F01499</StartAfter>";
    let pages = 0;
    proxy.rule = (request) => {
      if (!isList(request) || ++pages !== 2) return undefined;
      return {
        kind: "rewrite",
        body: (text) => text.replace(/<StartAfter>.*?<\/StartAfter>/, other),
      };
    };
    expect(await codeOf(paths(driver))).toBe("STORE_UNAVAILABLE");
  });

  test.each([1, 2])("an end told too early, on page %i, ends nothing", async (n) => {
    const driver = await filled();
    page(n, (text) => text.replace("<IsTruncated>true", "<IsTruncated>false"));
    expect(await paths(driver)).toEqual(names);
  });
});

test("many writes and reads through random faults: what was acknowledged is whole, nothing else is half", async () => {
  const { driver, truth } = await pair();
  const kinds: Fault[] = [
    { kind: "status", status: 503 },
    { kind: "status", status: 500 },
    { kind: "reset" },
    { kind: "lostReply" },
    { kind: "truncate" },
    { kind: "truncate", part: 0.1 },
  ];
  const fault = fc.option(fc.constantFrom(...kinds), { nil: undefined, freq: 2 });
  let next = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fault, { minLength: 8, maxLength: 8 }),
      fc.constantFrom(0, 10, 400_000, partBytes + 9),
      async (faults, size) => {
        const path = `k/${next++}`;
        const bytes = pattern(size, next);
        const left = [...faults];
        proxy.rule = () => left.shift();
        const isAcknowledged = await driver.put(path, bodyOf(bytes)).then(
          () => true,
          (error: unknown) => {
            if (isServiceError(error, "STORE_UNAVAILABLE")) return false;
            throw error;
          },
        );
        proxy.rule = () => undefined;
        const isThere = (await truth.head(path)) !== undefined;
        if (isAcknowledged || isThere) expect(await same(truth, path, bytes)).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

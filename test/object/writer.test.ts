import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { ObjectHead, StoreDriver, Stores } from "../../src/store/contract.ts";
import { bodyOf, codeOf } from "../contract/store.ts";
import { type Laboratory, laboratory, target, writeRow } from "./laboratory.ts";

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory({ hashPrefix: "blobs", schemaPrefix: "arrays", subfolding: [2, 2] });
});

const bytes = (text: string) => Buffer.from(text);
const countUploads = async () => Number((await lab.db.query("SELECT FROM holdfast.upload")).rowCount);

describe("hash-addressed", () => {
  test("lies where the peer would put it, under the MD5 of its bytes", async () => {
    const staged = await lab.objects.writer.stage(target("hash"), bytes("raw bytes"));
    const object = await writeRow(lab, 1, staged);
    expect(object).toMatchObject({
      store: "main",
      path: "_hash/lab/unwli6dqh5hkrs4def2rgayp5m",
      hash: "unwli6dqh5hkrs4def2rgayp5m",
      sizeBytes: 9,
      sha256: createHash("sha256").update("raw bytes").digest("hex"),
      isTree: false,
    });
    expect(await readFile(join(lab.main, object.path), "utf8")).toBe("raw bytes");
    const folded = await lab.objects.writer.stage(target("hash", { store: "cold" }), bytes("raw bytes"));
    expect(folded.object.path).toBe("blobs/lab/un/wl/unwli6dqh5hkrs4def2rgayp5m");
  });

  test("equal content is one object: found beforehand, or when both commit", async () => {
    const stage = () => lab.objects.writer.stage(target("hash"), bytes("shared"));
    const [first, second] = await Promise.all([stage(), stage()]);
    expect(first?.locator).not.toBe(second?.locator);
    const winner = await writeRow(lab, 10, first);
    expect((await writeRow(lab, 11, second)).path).toBe(winner.path);
    const third = await stage();
    expect(third.uploadId).toBeUndefined();
    expect((await writeRow(lab, 12, third)).path).toBe(winner.path);
    const { rows } = await lab.db.query("SELECT FROM holdfast.object WHERE dedup LIKE 'main/lab/' || $1", [
      first.object.sha256,
    ]);
    expect(rows).toHaveLength(1);
  });

  test("the loser of two open transactions waits, then holds the winner's bytes", async () => {
    const stage = () => lab.objects.writer.stage(target("hash"), bytes("at the same moment"));
    const staged = await Promise.all([stage(), stage(), stage()]);
    const written = await Promise.all(staged.map((each, index) => writeRow(lab, 20 + index, each)));
    expect(new Set(written.map((object) => object.path)).size).toBe(1);
  });

  test("two rows of one transaction may share new content", async () => {
    const stage = () => lab.objects.writer.stage(target("hash"), bytes("twice in one"));
    const [first, second] = [await stage(), await stage()];
    const paths = await lab.db.transaction(async (transaction) => [
      (await lab.objects.writer.publish(transaction, first)).path,
      (await lab.objects.writer.publish(transaction, second)).path,
    ]);
    expect(paths[0]).toBe(paths[1]);
  });

  test("equal MD5 with another SHA-256 is another object", async () => {
    const [one, two] = collision();
    const md5 = (block: Buffer) => createHash("md5").update(block).digest("hex");
    expect(md5(one)).toBe(md5(two));
    const first = await writeRow(lab, 30, await lab.objects.writer.stage(target("hash"), one));
    const second = await writeRow(lab, 31, await lab.objects.writer.stage(target("hash"), two));
    expect(second.hash).toBe(first.hash);
    expect(second.path).toMatch(new RegExp(`^_hash/lab/[A-Za-z0-9_-]{8}/${first.hash}$`));
    expect(Buffer.compare(await readFile(join(lab.main, second.path)), two)).toBe(0);
    expect(Buffer.compare(await readFile(join(lab.main, first.path)), one)).toBe(0);
  });

  test("bytes of a stranger under the canonical key are neither trusted nor taken over", async () => {
    const foreign = join(lab.main, "_hash/lab", "2qoyzwmpaczaj2mabgmoz6ccpy");
    await mkdir(dirname(foreign), { recursive: true });
    await writeFile(foreign, "not empty at all");
    const before = await countUploads();
    const staged = await lab.objects.writer.stage(target("hash"), new Uint8Array());
    expect(staged.object.path).toMatch(/^_hash\/lab\/[A-Za-z0-9_-]{8}\/2qoyzwmpaczaj2mabgmoz6ccpy$/);
    expect(await readFile(foreign, "utf8")).toBe("not empty at all");
    // No reservation may lead the reaper to them.
    expect(await countUploads()).toBe(before + 1);
  });

  test("a body that differs between its two readings is refused", async () => {
    let reading = 0;
    const body = () => bodyOf(bytes(`reading ${reading++}`));
    expect(await codeOf(lab.objects.writer.stage(target("hash"), body))).toBe("UPLOAD_MISMATCH");
  });

  test("content that went away between staging and writing is told as such", async () => {
    await writeRow(lab, 40, await lab.objects.writer.stage(target("hash"), bytes("fleeting")));
    const again = await lab.objects.writer.stage(target("hash"), bytes("fleeting"));
    expect(again.uploadId).toBeUndefined();
    await lab.db.query("DELETE FROM lab.item WHERE id = 40");
    await lab.db.query('DELETE FROM lab."~object" WHERE locator = $1', [again.locator]);
    await lab.db.query("DELETE FROM holdfast.object WHERE locator = $1", [again.locator]);
    expect(await codeOf(writeRow(lab, 41, again))).toBe("REFERENCE_CHANGED");
    expect((await lab.db.query("SELECT FROM lab.item WHERE id = 41")).rowCount).toBe(0);
    // The key has a tombstone, so the new bytes go elsewhere.
    const anew = await writeRow(lab, 41, await lab.objects.writer.stage(target("hash"), bytes("fleeting")));
    expect(`main:${anew.path}`).not.toBe(again.locator);
  });
});

describe("schema-addressed", () => {
  test("lies under table, key and field, with a new token each time", async () => {
    const request = target("schema", { key: [["id", "1"]], ext: ".npy" });
    const first = await lab.objects.writer.stage(request, () => bodyOf(bytes("array")));
    const second = await lab.objects.writer.stage(request, bytes("array"));
    for (const staged of [first, second]) {
      expect(staged.object.path).toMatch(/^_schema\/lab\/item\/id=1\/value_[A-Za-z0-9_-]{8}\.npy$/);
      expect(staged.dedup).toBeUndefined();
      expect(staged.object.hash).toBeUndefined();
    }
    expect(first.object.path).not.toBe(second.object.path);
    const object = await writeRow(lab, 50, first);
    expect(await readFile(join(lab.main, object.path), "utf8")).toBe("array");
  });

  test("records size, digest and verification", async () => {
    const object = await writeRow(
      lab,
      51,
      await lab.objects.writer.stage(target("schema"), bytes("recorded")),
    );
    const { rows } = await lab.db.query(
      "SELECT size, encode(sha256, 'hex') AS sha256, verified_at IS NOT NULL AS verified, dedup, tree FROM holdfast.object WHERE locator = $1",
      [`main:${object.path}`],
    );
    expect(rows).toEqual([{ size: "8", sha256: object.sha256, verified: true, dedup: null, tree: false }]);
  });
});

describe("leases", () => {
  test("a reservation that expired before the row was written publishes nothing", async () => {
    const staged = await lab.objects.writer.stage(target("schema"), bytes("late"));
    await lab.db.query("UPDATE holdfast.upload SET expires_at = now() - interval '1 s' WHERE id = $1", [
      staged.uploadId,
    ]);
    expect(await codeOf(writeRow(lab, 60, staged))).toBe("UPLOAD_EXPIRED");
    expect((await lab.db.query("SELECT FROM lab.item WHERE id = 60")).rowCount).toBe(0);
  });

  test("are renewed while bytes flow", async () => {
    const { writer } = await lab.again({ leaseMs: 2000 });
    async function* slow(): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 8; index++) {
        await new Promise((resolve) => setTimeout(resolve, 350));
        yield bytes(`${index}`);
      }
    }
    const staged = await writer.stage(target("schema"), slow);
    expect((await writeRow(lab, 61, staged)).sizeBytes).toBe(8);
  });

  test("a transaction that was rolled back leaves the bytes to be published by the next", async () => {
    const staged = await lab.objects.writer.stage(target("schema"), bytes("second try"));
    const failing = lab.db.transaction(async (transaction) => {
      await lab.objects.writer.publish(transaction, staged);
      throw new Error("no");
    });
    await expect(failing).rejects.toThrow("no");
    expect(await lab.objects.writer.outcome(staged)).toBe("rolled back");
    await writeRow(lab, 62, staged);
    expect(await lab.objects.writer.outcome(staged)).toBe("committed");
    expect(await codeOf(writeRow(lab, 63, staged))).toBe("UPLOAD_EXPIRED");
  });

  test("an open transaction makes the question of its outcome wait", async () => {
    const staged = await lab.objects.writer.stage(target("schema"), bytes("in flight"));
    let asked: Promise<string> | undefined;
    await lab.db.transaction(async (transaction) => {
      await lab.objects.writer.publish(transaction, staged);
      asked = lab.objects.writer.outcome(staged);
      await new Promise((resolve) => setTimeout(resolve, 200));
    });
    expect(await asked).toBe("committed");
  });
});

describe("refusals", () => {
  test("an unknown store, an extension that is a path, a store that is away", async () => {
    expect(await codeOf(lab.objects.writer.stage(target("hash", { store: "nowhere" }), bytes("x")))).toBe(
      "STORE_UNKNOWN",
    );
    expect(await codeOf(lab.objects.writer.stage(target("schema", { ext: "/../x" }), bytes("x")))).toBe(
      "BAD_USER_INPUT",
    );
  });

  test("a store under restore takes nothing", async () => {
    await lab.db.query("UPDATE holdfast.store SET gc = 'restore' WHERE name = 'cold'");
    expect(await codeOf(lab.objects.writer.stage(target("hash", { store: "cold" }), bytes("y")))).toBe(
      "STORE_UNAVAILABLE",
    );
    await lab.db.query("UPDATE holdfast.store SET gc = 'report' WHERE name = 'cold'");
  });
});

/** Two blocks with one MD5. @source Wang, Feng, Lai, Yu, "Collisions for Hash Functions", 2004. */
function collision(): [Buffer, Buffer] {
  const one = Buffer.from(
    "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a" +
      "085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0" +
      "e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70",
    "hex",
  );
  const two = Buffer.from(one);
  for (const at of [19, 45, 59, 83, 109, 123]) two[at] = (two[at] ?? 0) ^ 0x80;
  return [one, two];
}

const sha256Of = (content: string): string => createHash("sha256").update(content).digest("hex");

async function* textOf(content: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(content);
}

describe("what the store has after a put", () => {
  /** A writer over the same stores, one of which answers puts with `told` of what it has, and notes what it is asked. */
  async function telling(told: Pick<ObjectHead, "sha256"> | Record<string, never>) {
    const asked: string[] = [];
    const main = lab.stores.get("main");
    const driver: StoreDriver = {
      ...main.driver,
      put: async (...args) => {
        const { sha256: _own, ...head } = await main.driver.put(...args);
        return { ...head, ...told };
      },
      head: async (...args) => {
        asked.push(args[0]);
        return main.driver.head(...args);
      },
    };
    const all = new Map([...lab.stores.all, ["main", { ...main, driver }]]);
    const stores: Stores = { ...lab.stores, all, get: (name) => all.get(name) ?? lab.stores.get(name) };
    const { writer } = await lab.again({ stores });
    return { writer, asked };
  }

  test("is proven by its own digest; without one it is asked for the size", async () => {
    const content = bytes("proven");
    const sha256 = createHash("sha256").update(content).digest("hex");
    const proving = await telling({ sha256 });
    const staged = await proving.writer.stage(target("hash"), content);
    expect(await readFile(join(lab.main, staged.object.path), "utf8")).toBe("proven");
    expect(proving.asked).toEqual([]);
    const silent = await telling({});
    const other = await silent.writer.stage(target("hash"), bytes("looked at"));
    expect(silent.asked).toEqual([other.object.path]);
  });

  test("is told by a file store, which compares the digest itself", async () => {
    const head = await lab.stores
      .get("main")
      .driver.put("told", textOf("told"), { sha256: sha256Of("told") });
    expect(head.sha256).toBe(sha256Of("told"));
  });

  test("of another digest is refused, whatever its size", async () => {
    const { writer } = await telling({ sha256: "0".repeat(64) });
    const staging = writer.stage(target("hash"), bytes("turned on the way"));
    await expect(staging).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringMatching(/has at _hash\/.* other bytes than were written/),
    });
  });
});

import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createObjects, type Objects } from "../../src/object/objects.ts";
import type { Stores } from "../../src/store/contract.ts";
import { createFileDriver } from "../../src/store/file.ts";
import { type Laboratory, laboratory } from "./laboratory.ts";
import { type Failing, live, type Step, steps } from "./resume-laboratory.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
let lab: Laboratory;
let replicas: readonly [Objects, Objects];
let failAt: number | undefined;
const failing: Failing = {
  set: (step) => {
    failAt = step;
  },
};

/** Two replicas, each with a driver of its own on one folder. */
beforeAll(async () => {
  lab = await laboratory();
  const faults = (): void => {
    if (failAt === undefined) return;
    failAt -= 1;
    if (failAt === 0) throw Object.assign(new Error("the disk fails"), { code: "EIO" });
  };
  const replica = (): Promise<Objects> => {
    const driver = createFileDriver(lab.main, { faults });
    const store = { config: lab.stores.get("main").config, driver };
    const stores: Stores = { ...lab.stores, all: new Map([["main", store]]), get: () => store };
    return createObjects({ db: lab.db, stores });
  };
  replicas = [await replica(), await replica()];
});

afterAll(async () => {
  for (const objects of replicas) await objects.close();
});

/** But for the marker of the store. */
async function everyFile(): Promise<string[]> {
  const found = await readdir(lab.main, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return files.filter((path) => !path.startsWith(join(lab.main, "_obj")));
}

async function create(content: Buffer, prefix: Uint8Array): Promise<string> {
  const { id } = await replicas[0].uploads.create({
    target: { store: "main", addressing: "schema", schema: "lab", table: "item", column: "value", key: [] },
    field: "Item.value",
    kind: "FILE",
    filename: "a.bin",
    sizeBytes: String(content.length),
    sha256: sha256(content),
    prefix,
  });
  return id;
}

/** Requests of more than a piece, of which nothing may count, between such that do. */
const long: Step[] = [
  { replica: 0, bytes: 10, ends: "broken", failure: undefined },
  { replica: 1, bytes: 3_000_000, ends: "wrong checksum", failure: undefined },
  { replica: 0, bytes: 2_500_000, ends: "broken", failure: 6 },
  { replica: 1, bytes: 100, ends: "checksum", failure: undefined },
];

describe("any life of a resumable upload", () => {
  it("ends in the bytes that were declared, and nothing else", { timeout: 60_000 }, async () => {
    const content = randomBytes(5_000_000);
    await fc.assert(
      fc.asyncProperty(steps(content.length), fc.boolean(), async (life, isPrefixed) => {
        const prefix = Buffer.from(isPrefixed ? "name\0" : "");
        const id = await create(content, prefix);
        const resumables = [replicas[0].uploads.resumable, replicas[1].uploads.resumable] as const;
        expect(await live(resumables, { id, content, life, failing })).toBeUndefined();
        const { state } = await replicas[1].uploads.complete(id);
        expect(state).toBe("COMPLETE");
        const files = await everyFile();
        expect(files).toHaveLength(1);
        const stored = await readFile(files[0] ?? "");
        expect(stored.equals(Buffer.concat([prefix, content]))).toBe(true);
        await rm(files[0] ?? "");
        for (const table of ["upload_resume", "upload_piece", "upload_tail"])
          expect((await lab.db.query(`SELECT FROM holdfast.${table}`)).rows).toEqual([]);
      }),
      { numRuns: Number(process.env["RESUME_RUNS"] ?? 12), examples: [[long, true]] },
    );
  });
});

describe("a state of the digests that nobody can read any more", () => {
  it("begins the upload anew", async () => {
    const content = randomBytes(100_000);
    const id = await create(content, Buffer.alloc(0));
    const { resumable } = replicas[0].uploads;
    const part = async function* () {
      yield content.subarray(0, 60_000);
    };
    await resumable.append(id, { offset: 0, body: part() });
    await lab.db.query("UPDATE holdfast.upload_resume SET sha256 = '\\x00112233' WHERE upload = $1", [id]);
    await expect(resumable.append(id, { offset: 60_000, body: part() })).rejects.toMatchObject({
      code: "CONFLICT",
      details: { value: 0 },
    });
    expect((await resumable.progress(id)).offset).toBe(0);
    expect(await everyFile()).toEqual([]);
    await resumable.append(id, { offset: 0, body: part() });
    await resumable.terminate(id);
    expect(await everyFile()).toEqual([]);
  });
});

/** Decoding in worker threads: the same answers, typed refusals, and threads that go on. */

import { resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createApart } from "../../src/codec/apart.ts";
import { decodeChain, readField } from "../../src/codec/chain.ts";
import type { StoredValue } from "../../src/codec/contract.ts";
import { loadCodec } from "../../src/codec/load.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { MovedJson } from "../../src/codec/moved-json.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { defaultDecodeLimits } from "../../src/format/decode-limits.ts";

const limits = {
  ...defaultDecodeLimits,
  timeMs: 500,
  heapBytes: 64 * 2 ** 20,
  apartBytes: 1000,
  threads: 1,
};
const apart = createApart(limits);
const patient = createApart({ ...limits, timeMs: 30_000 });
afterAll(() => Promise.all([apart.close(), patient.close()]));
const file = resolve(import.meta.dirname, "../fixtures/codecs/strain.ts");
const registry = { ...createRegistry([await loadCodec(file)]), apart };
const use = { name: "strain" };
const large = storedValueOf(new Uint8Array(9 * 2 ** 20).map((_, i) => i % 251));

function ask(name: string, options: { args?: object; value?: StoredValue; signal?: AbortSignal } = {}) {
  const { args = {}, value = large, signal } = options;
  const context = { field: "Row.value", inlineLimitBytes: 2 ** 20, signal };
  return readField(registry, use, { name, value, args: { ...args }, context });
}

describe("decoding apart", () => {
  it("leaves small values here and takes large ones away", async () => {
    expect(await ask("thread", { value: storedValueOf(new Uint8Array(1000)) })).toBe(0);
    expect(await ask("thread")).toBeGreaterThan(0);
    expect(await ask("environment")).toEqual([]);
  });

  it("reads ranges at once and later, across the size of a reply, side by side", async () => {
    const first = 9 * 2 ** 20;
    const sum = Array.from({ length: first }, (_, i) => i % 251).reduce((a, b) => a + b, 0);
    expect(await ask("sum", { args: { first } })).toBe(sum);
    expect(await ask("later", { args: { first } })).toEqual([first, 1, 2]);
  });

  it("gives what is large as JSON in memory that has moved, where it may, and else the value", async () => {
    const args = { first: 5000 };
    const asked = {
      name: "later",
      value: large,
      args,
      context: { field: "Row.value", inlineLimitBytes: 2 ** 20 },
    };
    const told = await readField(registry, use, { ...asked, asJson: true });
    expect(told).toBeInstanceOf(MovedJson);
    expect((told as MovedJson).text).toBe(JSON.stringify(await ask("later", { args })));
    const sum = { ...asked, name: "sum", asJson: true };
    expect(await readField(registry, use, sum)).toBe(await ask("sum", { args }));
    // What is small is answered here, and nothing moves.
    const small = { ...asked, name: "environment", value: storedValueOf(new Uint8Array(10)), asJson: true };
    expect(await readField(registry, use, small)).not.toBeInstanceOf(MovedJson);
  });

  it("walks folders of more entries than a reply has", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 2500 }, (_, i) => [`a/${i}`, new Uint8Array([i % 251])]),
    );
    const value = { ...storedValueOf({ ...files, b: new Uint8Array() }), meta: { is_dir: true, size: 2500 } };
    expect(await ask("folder", { value })).toEqual([2500, "a/999", 7]);
  });

  it("gives the whole value, moved and not copied wrongly", async () => {
    const context = { field: "Row.value", inlineLimitBytes: 2 ** 20 };
    const answer = await decodeChain(registry, use, { value: large, context });
    expect(answer).toEqual({
      first: Uint8Array.from({ length: 10 }, (_, i) => i),
      thread: expect.any(Number),
      big: 10n ** 30n,
    });
  });

  it.each([
    ["spin", "HOLDFAST_DECODE_MS"],
    ["hang", "HOLDFAST_DECODE_MS"],
  ])("ends a thread that overruns (%s), names the setting, and goes on", async (name, setting) => {
    await expect(ask(name)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED", details: { setting } });
    expect(await ask("thread")).toBeGreaterThan(0);
  });

  it("ends a thread that takes too much memory, names the setting, and goes on", async () => {
    const other = { ...registry, apart: patient };
    const of = (name: string) => {
      const context = { field: "Row.value", inlineLimitBytes: 2 ** 20 };
      return readField(other, use, { name, value: large, args: {}, context });
    };
    const details = { setting: "HOLDFAST_DECODE_HEAP" };
    await expect(of("hoard")).rejects.toMatchObject({ code: "LIMIT_EXCEEDED", details });
    expect(await of("thread")).toBeGreaterThan(0);
  });

  it("caps the memory of WebAssembly", async () => {
    await expect(ask("wasm")).rejects.toMatchObject({ code: "CODEC_CORRUPT", message: /capped at 67108864/ });
  });

  it("goes on after a thread has ended itself", async () => {
    await expect(ask("exit")).rejects.toMatchObject({ code: "CODEC_CORRUPT" });
    expect(await ask("thread")).toBeGreaterThan(0);
  });

  it("tells errors with code, details and field", async () => {
    await expect(ask("corrupt")).rejects.toMatchObject({
      code: "CODEC_CORRUPT",
      details: { at: 7, field: "Row.value", codec: "strain" },
    });
    await expect(ask("slip")).rejects.toMatchObject({ code: "CODEC_CORRUPT", message: /a slip/ });
    await expect(ask("beyond")).rejects.toMatchObject({ code: "OBJECT_CORRUPT" });
  });

  it("does not count the waiting for bytes", async () => {
    const slow: StoredValue = {
      ...large,
      bytes: async () => {
        const reader = await large.bytes();
        return {
          ...reader,
          async read(start, end) {
            await new Promise((done) => setTimeout(done, 700));
            return reader.read(start, end);
          },
        };
      },
    };
    expect(await ask("sum", { args: { first: 3 }, value: slow })).toBe(3);
  });

  it.each(["spin", "sum"])("lets the caller go when it aborts (%s)", async (name) => {
    const abort = new AbortController();
    const never: StoredValue = {
      ...large,
      bytes: async () => ({ ...(await large.bytes()), read: () => new Promise<never>(() => {}) }),
    };
    const asked = ask(name, { args: { first: 1 }, value: never, signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    await expect(asked).rejects.toMatchObject({ name: "AbortError" });
    expect(await ask("thread")).toBeGreaterThan(0);
  });
});

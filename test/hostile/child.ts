/**
 * Decodes hostile bytes in a process of its own with a small heap, and tells what came of it as one line of JSON. Started by `run.ts`.
 * `node --max-old-space-size=160 test/hostile/child.ts RUNS SEED`
 */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import fc from "fast-check";
import { createApart } from "../../src/codec/apart.ts";
import { decodeChain, readField } from "../../src/codec/chain.ts";
import type { Codec, StoredValue } from "../../src/codec/contract.ts";
import { loadCodec } from "../../src/codec/load.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { isServiceError } from "../../src/errors.ts";
import { defaultDecodeLimits } from "../../src/format/decode-limits.ts";
import { mutated, mutations } from "./mutations.ts";
import { type Bytes, corpus, validBytes } from "./samples.ts";

const runs = Number(process.argv[2] ?? 1000);
const seed = Number(process.argv[3] ?? 1);
const mebibyte = 2 ** 20;
const limits = {
  ...defaultDecodeLimits,
  outputBytes: 16 * mebibyte,
  elements: 2_000_000,
  timeMs: 10_000,
  heapBytes: 96 * mebibyte,
  // Both ways are tried: what is small is decoded at once.
  apartBytes: 256,
};
const inlineLimitBytes = 4 * mebibyte;
/** Memory that decoding may cost beyond the idle process: two threads, their output, and what is copied. */
const memoryBytes = 2 * (limits.heapBytes + 2 * limits.outputBytes) + 128 * mebibyte;
/** What damaged bytes may be answered with; anything else is a slip. */
const honest = new Set([
  "CODEC_CORRUPT",
  "OBJECT_CORRUPT",
  "LIMIT_EXCEEDED",
  "BAD_USER_INPUT",
  "CODEC_INVALID_VALUE",
]);

const folder = join(import.meta.dirname, "../../codecs");
const files = readdirSync(folder).filter((file) => file.endsWith(".ts"));
const codecs = await Promise.all(files.map((file) => loadCodec(join(folder, file))));
const apart = createApart(limits);
const registry = { ...createRegistry(codecs), apart };
const totals: Record<string, Record<string, number>> = {};
const faults: string[] = [];
const outcomes = new Map<string, string>();

/** What a value answers to everything it can be asked: `value`, or the codes of the refusals. */
async function outcomesOf(codec: Codec, bytes: Uint8Array): Promise<string[]> {
  const context = { field: "Row.value", inlineLimitBytes };
  // The outermost codec alone: what it stands on would refuse damaged bytes by their hash.
  const value: StoredValue = storedValueOf(bytes, {});
  const direct = { get: (name: string) => (name === codec.name ? codec : registry.get(name)), apart };
  const use = codec.chain.row === undefined ? { name: codec.name, store: "s" } : { name: codec.name };
  const asked = [decodeChain(direct, use, { value, context })];
  for (const [name, field] of Object.entries(codec.fields)) {
    if (field.read === undefined || /!/.test(field.args ?? "")) continue;
    asked.push(readField(direct, use, { name, value, args: {}, context }));
  }
  const settled = await Promise.allSettled(asked);
  const inside = pathsIn(settled[0]).flatMap((path) =>
    ["values", "statistics"].map((name) => readField(direct, use, { name, value, args: { path }, context })),
  );
  return [...settled, ...(await Promise.allSettled(inside))].map((one) => {
    if (one.status === "fulfilled") return "value";
    const { reason } = one as { reason: unknown };
    if (!isServiceError(reason)) return `untyped ${String(reason)}`;
    // A plain Error is told as corrupt on purpose; a TypeError or RangeError behind it is a slip.
    const { cause } = reason;
    const slip = cause instanceof Error && /^(?:Type|Range|Reference|Syntax)Error$/.test(cause.name);
    if (slip) return `slip ${cause.name}: ${cause.message}`;
    return reason.code;
  });
}

/** Where codecs of files with an inside tell what is there, it is asked for too. */
function pathsIn(decoded: PromiseSettledResult<unknown> | undefined): string[] {
  if (decoded?.status !== "fulfilled" || !Array.isArray(decoded.value)) return [];
  const paths = decoded.value.flatMap((one: { path?: unknown } | null) =>
    typeof one?.path === "string" ? [one.path] : [],
  );
  return paths.slice(0, 30);
}

async function check(given: Bytes, how: string): Promise<void> {
  const codec = registry.find(given.codec);
  if (codec === undefined) {
    faults.push(`${given.name}: no codec ${given.codec}`);
    return;
  }
  const found = await outcomesOf(codec, given.bytes);
  const counts = totals[given.codec] ?? {};
  totals[given.codec] = counts;
  for (const one of found) {
    counts[one] = (counts[one] ?? 0) + 1;
    if (one !== "value" && !honest.has(one)) faults.push(`${given.codec} ${given.name} (${how}): ${one}`);
  }
  if (how === "corpus") outcomes.set(given.name, [...new Set(found)].sort().join(" "));
  if (Object.keys(Object.prototype).length > 0) faults.push(`${given.name}: Object.prototype was changed`);
}

const prototypes = [
  Object.prototype,
  Array.prototype,
  Function.prototype,
  Map.prototype,
  Uint8Array.prototype,
];
const before = prototypes.map((one) => Reflect.ownKeys(one).length);
for (const codec of codecs) for (const one of await validBytes(codec)) await check(one, "valid");
const idleBytes = process.resourceUsage().maxRSS * 1024;
const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
for (const one of corpus()) await check(one, "corpus");
const samples = (await Promise.all(codecs.map(validBytes))).flat();
const byCodec = [...Map.groupBy(samples, (one) => one.codec).values()];
const cases = fc.sample(fc.tuple(fc.nat(), fc.nat(), mutations), { numRuns: runs, seed });
for (const [which, sample, changes] of cases) {
  const group = byCodec[which % byCodec.length] ?? [];
  const given = group[sample % group.length];
  if (given === undefined) continue;
  await check({ ...given, bytes: mutated(given.bytes, changes) }, JSON.stringify(changes, told));
}
delay.disable();
const peakBytes = process.resourceUsage().maxRSS * 1024 - idleBytes;
if (peakBytes > memoryBytes)
  faults.push(`decoding took ${peakBytes} bytes of memory; ${memoryBytes} are allowed`);
const after = prototypes.map((one) => Reflect.ownKeys(one).length);
if (String(before) !== String(after)) faults.push("a prototype was changed");
await apart.close();
const report = {
  runs: cases.length,
  corpus: Object.fromEntries(outcomes),
  totals,
  peakBytes,
  stallMs: delay.max / 1e6,
  faults,
};
process.stdout.write(`${JSON.stringify(report)}\n`);

function told(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
}

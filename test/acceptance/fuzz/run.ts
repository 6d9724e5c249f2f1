/**
 * Sends what no client means to a started service: malformed JSON, documents, variables, encodings, heads and chunks. No request may be
 * answered with a status of 500 or above, none (the largest has half a megabyte) may stop the event loop for more than 100 ms, and the service lives
 * on with its rows as they were. `node test/acceptance/fuzz/run.ts [seed] [requests] [seconds]`
 */

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Place } from "../support/place.ts";
import { faultOf, Watch } from "./judge.ts";
import { Random } from "./random.ts";
import { anyRequest, costlyRequests, type FuzzRequest } from "./requests.ts";

const seed = Number(process.argv[2] ?? Math.floor(Math.random() * 2 ** 31));
const count = Number(process.argv[3] ?? 5000);
const seconds = Number(process.argv[4] ?? 300);
const stallMs = 100;

const place = new Place();
const meter = join(place.folder, "meter");
const preload = pathToFileURL(join(import.meta.dirname, "meter.ts")).href;
const service = await place.start({ NODE_OPTIONS: `--no-warnings --import=${preload}`, LOOP_METER: meter });
const watch = await Watch.open(meter);
/** Longest stalls by the kind of request. */
const stalls = new Map<string, number>();
let passed = 0;
let failed = 0;

function fail(sent: FuzzRequest, what: string): void {
  failed += 1;
  process.stdout.write(
    `FAILED ${sent.name}: ${what}\n  ${JSON.stringify(sent.bytes.toString("latin1").slice(0, 400))}\n`,
  );
}

/** What stalls does so every time; a collection of garbage does not. */
async function check(sent: FuzzRequest): Promise<void> {
  let fault: string | undefined;
  let shortest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3 && shortest > stallMs && fault === undefined; attempt++) {
    const stalled = await watch.during(async () => {
      fault = await faultOf(place.url, sent);
    });
    shortest = Math.min(shortest, stalled);
  }
  if (fault !== undefined) return fail(sent, fault);
  stalls.set(sent.name, Math.max(stalls.get(sent.name) ?? 0, shortest));
  if (shortest > stallMs) return fail(sent, `the event loop stood still for ${Math.round(shortest)} ms`);
  passed += 1;
}

process.stdout.write(`seed ${seed}, ${count} requests, at most ${seconds} s\n`);
try {
  const before = JSON.stringify(await place.known());
  const end = performance.now() + seconds * 1000;
  const random = new Random(seed);
  for (const sent of costlyRequests()) await check(sent);
  for (let n = 0; n < count && performance.now() < end; n++) await check(anyRequest(random));
  const lives = service.child.exitCode === null && JSON.stringify(await place.known()) === before;
  if (lives) passed += 1;
  else fail({ name: "the service afterwards", bytes: Buffer.alloc(0) }, service.log().slice(-2000));
} finally {
  watch.close();
  await place.close();
}
const longest = [...stalls].toSorted(([, a], [, b]) => b - a).slice(0, 8);
for (const [name, ms] of longest) process.stdout.write(`stood still at most ${ms.toFixed(1)} ms: ${name}\n`);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

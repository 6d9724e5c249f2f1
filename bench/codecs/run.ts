/**
 * Codecs beside numpy and DataJoint-Python on the same machine: arrays from 1 KB to 64 MB in memory, and rows with small arrays through the API.
 * `npm run bench:codecs [-- --rounds 5] [-- --quick]`; a whole run writes `figures.json` and the table of `docs/reference/performance.md`.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { timed, type Work, works } from "./ours.ts";
import { type Peer, startPeer } from "./peer.ts";
import { print, type Ratio, write } from "./report.ts";
import { fetchRows, insert, type Page } from "./rows.ts";
import { type Service, startService } from "./service.ts";

const { values: asked } = parseArgs({
  options: { quick: { type: "boolean", default: false }, rounds: { type: "string" } },
});
const rounds = Number(asked.rounds ?? (asked.quick ? 2 : 5));
const sizes = asked.quick ? [1024, 2 ** 20] : [1024, 2 ** 16, 2 ** 20, 2 ** 24, 2 ** 26];
const aims: Partial<Record<Work, number>> = {
  "npy encode": 0.8,
  "npy decode": 0.8,
  "blob encode": 1.5,
  "blob decode": 1.5,
};
/** Numbers of an array in a row: 1 KiB. */
const length = 128;
const count = 1000;
/** Rows of a lab that fetches a whole table, and pages of it that an app asks for at a time. */
const many = 10_000;
const pagesAtOnce = 3;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Both take turns; the first turn warms up. */
async function compare(
  name: string,
  amount: Ratio["amount"],
  sides: {
    readonly ours: (round: number) => Promise<number>;
    readonly theirs: (round: number) => Promise<number>;
    readonly aim?: number | undefined;
  },
): Promise<Ratio> {
  const pairs: [number, number][] = [];
  for (let round = 0; round <= rounds; round++) {
    const pair: [number, number] = [await sides.ours(round), await sides.theirs(round)];
    if (round > 0) pairs.push(pair);
  }
  const figure = {
    name,
    ours: median(pairs.map(([ours]) => ours)),
    theirs: median(pairs.map(([, theirs]) => theirs)),
    ratio: median(pairs.map(([ours, theirs]) => theirs / ours)),
    ...(sides.aim === undefined ? {} : { aim: sides.aim }),
    amount,
  };
  print(figure);
  return figure;
}

function sizeName(bytes: number): string {
  return bytes < 2 ** 20 ? `${bytes / 1024} KiB` : `${bytes / 2 ** 20} MiB`;
}

async function codecs(peer: Peer): Promise<Ratio[]> {
  const found: Ratio[] = [];
  for (const work of works) {
    for (const bytes of sizes) {
      const repeat = Math.max(1, Math.min(300, Math.floor(2 ** 25 / bytes)));
      const sides = {
        ours: () => timed(work, bytes, repeat),
        theirs: () => peer.ask({ do: "codec", what: work, bytes, repeat }),
        aim: aims[work],
      };
      found.push(await compare(`${work}, ${sizeName(bytes)}`, { bytes }, sides));
    }
  }
  return found;
}

/** The peer's rows follow ours, so that keys never meet. */
const page = (table: Page["table"], round: number, isPeer: boolean): Page => ({
  table,
  first: 1 + (2 * round + Number(isPeer)) * count,
  count,
  length,
});

/** Seconds for all pages. */
async function fetchMany(service: Service, table: Page["table"]): Promise<number> {
  const begin = performance.now();
  const firsts = Array.from({ length: many / count }, (_, at) => 1 + at * count)[Symbol.iterator]();
  const lane = async (): Promise<void> => {
    for (const first of firsts) await fetchRows(service, { table, first, count, length }, "fetch");
  };
  await Promise.all(Array.from({ length: pagesAtOnce }, lane));
  return (performance.now() - begin) / 1000;
}

async function rows(service: Service, peer: Peer): Promise<Ratio[]> {
  await peer.ask({ do: "open", dsn: service.databaseUrl, stores: service.stores, schema: "codecs" });
  const found: Ratio[] = [];
  for (const table of ["Sample", "Packed"] as const) {
    const codec = table === "Sample" ? "<npy@>" : "<blob>";
    const inserts = {
      ours: (round: number) => insert(service, page(table, round, false)),
      theirs: (round: number) => peer.ask({ do: "insert", ...page(table, round, true) }),
      aim: 3,
    };
    found.push(await compare(`insert of ${count} rows with ${codec}`, { rows: count }, inserts));
    for (const what of ["fetch", "metadata"] as const) {
      if (what === "metadata" && table === "Packed") continue;
      const sides = {
        ours: (round: number) => fetchRows(service, page(table, round, false), what),
        theirs: (round: number) => peer.ask({ do: what, ...page(table, round, false) }),
        aim: what === "fetch" ? 3 : undefined,
      };
      found.push(await compare(`${what} of ${count} rows with ${codec}`, { rows: count }, sides));
    }
    // Both sides have inserted `count` rows in each round.
    for (let first = 1 + 2 * (rounds + 1) * count; first <= many; first += count)
      await insert(service, { table, first, count, length });
    const whole = {
      ours: () => fetchMany(service, table),
      theirs: () => peer.ask({ do: "fetch", table, first: 1, count: many, length }),
      aim: 2,
    };
    found.push(await compare(`fetch of ${many} rows with ${codec}`, { rows: many }, whole));
  }
  return found;
}

const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-codecs-"));
const peer = startPeer();
try {
  const found = await codecs(peer);
  const service = await startService(folder);
  try {
    found.push(...(await rows(service, peer)));
  } finally {
    await service.close();
  }
  const date = new Date().toISOString().slice(0, 10);
  if (!asked.quick) await write({ date, rounds, ratios: found });
} finally {
  peer.close();
  rmSync(folder, { recursive: true, force: true });
}

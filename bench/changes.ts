/**
 * What the record of changes costs writers: two tables alike, one of them without its triggers, written in turn on one connection.
 * Prints medians and their differences. `node bench/changes.ts [rounds]`
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadCodecs } from "../src/codec/load.ts";
import { createRegistry } from "../src/codec/registry.ts";
import { applyModel } from "../src/db/apply.ts";
import type { Transaction } from "../src/db/contract.ts";
import { connect } from "../src/db/database.ts";
import { startEmbedded } from "../src/db/embedded.ts";
import { migrate } from "../src/db/migrate.ts";
import { parseModel } from "../src/model/parse.ts";
import { watchTriggers } from "../src/sql/watch.ts";

const rounds = Number(process.argv[2] ?? 40);
const folder = mkdtempSync(join(tmpdir(), "holdfast-changes-"));
const postgres = await startEmbedded({ folder: join(folder, "postgres") });
const db = await connect(postgres.url);
await migrate(db);
const registry = createRegistry(await loadCodecs([join(import.meta.dirname, "../codecs")]));
const table = (name: string) =>
  `type ${name} @table { id_: Int! @key  name: String!  at: DateTime!  score: Float  size: BigInt }\n`;
const model = parseModel([{ path: "schema.graphql", text: table("Watched") + table("Plain") }], {
  codecs: registry.facts,
  stores: new Set(),
  defaultStore: undefined,
  filepathDefaultStore: undefined,
});
await applyModel(db, model);
for (const trigger of watchTriggers) await db.query(`DROP TRIGGER ${trigger} ON lab.plain`);

const columns = "(id_, name, at, score, size)";
const values = (from: number, count: number) =>
  `SELECT i, 'row ' || i, '2026-01-01'::timestamp + i * interval '1 s', i * 0.5, i FROM generate_series(${from}, ${from + count - 1}) i`;

/** Milliseconds of each kind of statement, in a transaction that is committed. */
const works: Readonly<Record<string, (sql: Transaction, table: string, round: number) => Promise<unknown>>> =
  {
    "insert of one row": (sql, name, round) =>
      sql.query(`INSERT INTO lab.${name} ${columns} ${values(round * 20_000, 1)}`),
    "insert of 10,000 rows": (sql, name, round) =>
      sql.query(`INSERT INTO lab.${name} ${columns} ${values(round * 20_000 + 5_000, 10_000)}`),
    "update of one row": (sql, name, round) =>
      sql.query(`UPDATE lab.${name} SET score = score + 1 WHERE id_ = ${round * 20_000}`),
    "update of 10,000 rows": (sql, name, round) =>
      sql.query(
        `UPDATE lab.${name} SET score = score + 1 WHERE id_ BETWEEN ${round * 20_000 + 5_000} AND ${round * 20_000 + 14_999}`,
      ),
  };

const median = (found: readonly number[]): number =>
  [...found].sort((a, b) => a - b)[Math.floor(found.length / 2)] ?? Number.NaN;

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await run();
  return performance.now() - begin;
}

try {
  const found = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    const tables = round % 2 === 0 ? ["watched", "plain"] : ["plain", "watched"];
    for (const [work, run] of Object.entries(works)) {
      for (const name of tables) {
        const ms = await timed(() => db.transaction((sql) => run(sql, name, round)));
        found.set(`${work} ${name}`, [...(found.get(`${work} ${name}`) ?? []), ms]);
      }
    }
  }
  for (const work of Object.keys(works)) {
    const [watched, plain] = ["watched", "plain"].map((name) => median(found.get(`${work} ${name}`) ?? []));
    const more = (watched ?? 0) - (plain ?? 0);
    process.stdout.write(
      `${work.padEnd(24)} ${plain?.toFixed(2)} ms, recorded ${watched?.toFixed(2)} ms: ${more.toFixed(2)} ms more\n`,
    );
  }
} finally {
  await db.close();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

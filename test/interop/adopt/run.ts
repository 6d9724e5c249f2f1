/**
 * DataJoint-Python writes while its tables are adopted, given back and adopted again; joins after their lineage was lost and mended; and reads
 * what was renamed, job tables included. The client is used as it comes.
 *
 * Installs the peer into `.cache/`. Ends with `N passed, N failed`.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { adopt } from "../../../src/adopt/adopt.ts";
import type { ApplyOptions } from "../../../src/adopt/contract.ts";
import { undo } from "../../../src/adopt/undo.ts";
import { applyModel, planModel } from "../../../src/db/apply.ts";
import { connect } from "../../../src/db/database.ts";
import { startEmbedded } from "../../../src/db/embedded.ts";
import { compareLineage, rebuildLineage } from "../../../src/db/lineage.ts";
import { migrate } from "../../../src/db/migrate.ts";
import { readSchemas } from "../../../src/db/read-schemas.ts";
import { introspect } from "../../../src/introspect/introspect.ts";
import { inertFaults } from "../../../src/object/fault-points.ts";
import { registerStores } from "../../../src/object/register-stores.ts";
import type { StoreConfig } from "../../../src/store/contract.ts";
import { openStores } from "../../../src/store/open.ts";
import { startChecks } from "../../support/checks.ts";
import { model, modelContext } from "../../support/sdl.ts";
import { installPeer, must, python, runBeside } from "../python.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-adopt-interop-"));
const schemas = ["pipe_a", "pipe_b"];
const storesFile = join(folder, "stores.json");
const { check, failed, end } = startChecks();

function equal(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`got ${a?.slice(0, 3000)}\nexpected ${b?.slice(0, 3000)}`);
}

/** What the peer says in the end. */
async function peer(
  url: string,
  mode: string,
  more: readonly string[] = [],
): Promise<Record<string, unknown>> {
  const program = join(import.meta.dirname, "peer.py");
  const args = [program, mode, "--dsn", url, "--stores", storesFile, ...more];
  const out = must(`peer.py ${mode}`, await runBeside(python, args));
  const line = out
    .trimEnd()
    .split("\n")
    .findLast((text) => text.startsWith("{"));
  return JSON.parse(line ?? "{}") as Record<string, unknown>;
}

const configs = ["main", "cold"].map((name): StoreConfig => {
  const location = join(folder, name);
  mkdirSync(location);
  const sections = { hashPrefix: "_hash", schemaPrefix: "_schema" };
  return { name, protocol: "file", location, ...sections, tokenLength: 8, driver: {} };
});
writeFileSync(
  storesFile,
  JSON.stringify({
    default: "main",
    main: { protocol: "file", location: join(folder, "main") },
    // The client takes <x@> for a store without a name (D2).
    "": { protocol: "file", location: join(folder, "main") },
    cold: { protocol: "file", location: join(folder, "cold") },
  }),
);

installPeer();
const server = await startEmbedded({ folder: join(folder, "postgres"), settings: ["fsync=off"] });
const db = await connect(server.url);
try {
  const stores = await openStores({
    source: "test",
    stores: configs,
    defaultName: "main",
    filepathDefaultName: undefined,
  });
  const options: ApplyOptions = {
    ...{ schemas, stores, looksAtBytes: true, onStep: () => undefined, faults: inertFaults },
    ...{ signal: new AbortController().signal, maxLockMs: 30_000, patienceMs: 30_000 },
  };
  const guard = async () => (await db.query<{ what: string }>("SELECT what FROM holdfast.guard")).rows;
  const noObstacles = async () => {
    const { tables } = await adopt(db, options);
    equal(
      tables.flatMap(({ obstacles }) => obstacles),
      [],
    );
    equal(
      tables.flatMap(({ columns }) => columns.map(({ missing }) => missing?.count ?? 0)).filter((n) => n > 0),
      [],
    );
  };

  await check("DataJoint declares tables in two schemas, and populates", async () => {
    equal(await peer(server.url, "declare"), { scans: 20, jobs: 10 });
    await migrate(db);
    await registerStores(db, stores);
  });
  await check(
    "it writes while they are adopted, given back and adopted again; nothing is refused",
    async () => {
      const writing = [1000, 100_000].map((first) =>
        peer(server.url, "write", ["--seconds", "6", "--first", String(first)]),
      );
      await sleep(2000);
      await noObstacles();
      await sleep(500);
      equal((await undo(db, options)).failed, []);
      await sleep(500);
      await noObstacles();
      const told = await Promise.all(writing);
      equal(
        told.map(({ failures }) => failures),
        [[], []],
      );
      for (const { written } of told)
        if (Number(written) < 20) throw new Error(`only ${String(written)} written`);
      equal(await guard(), []);
      const { rows } = await db.query<{ n: string }>(
        `SELECT count(*)::text AS n FROM pipe_b._scan s WHERE NOT EXISTS (SELECT FROM pipe_b."~object" h JOIN holdfast.object o USING (locator) WHERE h.locator = s._movie_ref)`,
      );
      equal(rows, [{ n: "0" }]);
    },
  );
  await check("its own rebuild of lineage leaves none; ours lets it join again", async () => {
    const { failed: told } = await peer(server.url, "spoil");
    equal((told as unknown[]).length, 2);
    const { schemas: found } = await compareLineage(db, schemas);
    if (found.every(({ faults }) => faults.length === 0)) throw new Error("nothing was spoiled");
    await rebuildLineage(db, schemas);
    const { rows, wrong, kinds, restricted } = await peer(server.url, "joins");
    if (Number(rows) < 40) throw new Error(`only ${String(rows)} rows joined`);
    equal([wrong, kinds, restricted], [[], ["F", "M", "U"], 4]);
  });
  await check("renamed tables, keys, enums and stored fields are read by it, with their jobs", async () => {
    const { text } = introspect(await readSchemas(db, schemas), schemas, modelContext);
    await applyModel(db, model(text));
    const after = text
      .replaceAll(/(: )Subject\b/g, "$1Animal")
      .replace("type Subject @table", 'type Animal @renamedFrom(name: "Subject") @table')
      .replace("type Scan @table", 'type Imaging @renamedFrom(name: "Scan") @table')
      .replace("  subject: String! @key", '  animal: String! @renamedFrom(name: "subject") @key')
      .replace("  sex: Sex!", '  gender: Sex! @renamedFrom(name: "sex")')
      .replace("  movie: NdArray!", '  frames: NdArray! @renamedFrom(name: "movie")');
    await applyModel(db, model(after));
    equal((await planModel(db, model(after))).changes, []);
    const told = await peer(server.url, "joins", ["--names", "Animal,Imaging,animal,frames"]);
    equal([told["wrong"], told["kinds"], told["restricted"], told["jobs"]], [[], ["F", "M", "U"], 4, 10]);
    equal(
      (await compareLineage(db, schemas)).schemas.flatMap(({ faults }) => faults),
      [],
    );
    equal(await guard(), []);
  });
} catch (error) {
  failed(error);
} finally {
  await db.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
end();

/** Tables of jobs are a part of backups: they come back with their jobs, and workers go on. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createEntityApi } from "../../src/api/api.ts";
import { backup } from "../../src/backup/backup.ts";
import { restore } from "../../src/backup/restore.ts";
import { connect } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { inertFaults } from "../../src/object/fault-points.ts";
import { createObjects } from "../../src/object/objects.ts";
import { openStores } from "../../src/store/open.ts";
import { jobsSdl, openJobs } from "../api/jobs/laboratory.ts";
import { anyone } from "../api/laboratory.ts";
import { freshDatabase } from "../support/database.ts";
import { fileStore } from "./support/lab.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-backup-jobs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("jobs come back as they were, and are worked on", async () => {
  const lab = await openJobs();
  await lab.refresh();
  await lab.refresh("", "Recording");
  const [a, b] = await lab.reserve(", limit: 2");
  await lab.data(
    `mutation { failJob(job: ${JSON.stringify(a.id)}, message: "no", stack: "at x") { job { id } } }`,
  );
  const url = (await lab.db.query<{ name: string }>("SELECT current_database() AS name")).rows[0]?.name ?? "";
  const file = join(folder, "jobs.tar");
  const other = await freshDatabase();
  const database = await connect(other.replace(/[^/]*$/, url));
  const request = { file, allowMissing: false, leaveOut: [] };
  const whole = {
    stores: lab.stores,
    versions: async () => ({ model: lab.model, source: jobsSdl }),
    version: "test",
    faults: inertFaults,
  };
  // One that is no table of jobs is still somebody else's.
  await lab.sql(`ALTER TABLE lab."~~recording" ADD mine int`);
  await expect(backup({ ...whole, database }, request)).rejects.toMatchObject({
    details: { problems: ["the table lab.~~recording"] },
  });
  await lab.sql(`ALTER TABLE lab."~~recording" DROP mine`);
  await backup({ ...whole, database }, request);
  await database.close();

  await migrate(other);
  const db = await connect(other);
  const stores = await openStores({
    stores: ["main", "cold"].map((name) => fileStore(name, folder)),
    defaultName: "main",
    filepathDefaultName: "cold",
    source: "test",
  });
  const objects = await createObjects({ db, stores });
  const parse = async () => lab.model;
  await restore({ database: db, stores, parse, version: "test", faults: inertFaults }, { file });
  for (const table of ["~~sorting", "~~recording", "~lineage"]) {
    const text = `SELECT to_jsonb(t)::text AS row FROM lab."${table}" t ORDER BY 1`;
    expect((await db.query(text)).rows).toEqual(await lab.sql(text));
  }
  const api = createEntityApi({
    model: lab.model,
    registry: lab.registry,
    db,
    objects,
    stores,
    log: { error: () => {} },
  });
  await api.server.start();
  const answer = await api.execute(
    {
      query: `mutation ($id: ID!, $input: CreateSortingInput!) { createSorting(input: $input) { sorting { units } } completeJob(job: $id) { rows }
        refreshJobs(table: Sorting) { added } }`,
      variables: { id: b.id, input: { ...b.input, units: 1 } },
    },
    anyone,
  );
  expect(answer).toMatchObject({ data: { completeJob: { rows: 1 }, refreshJobs: { added: 0 } } });
  await api.server.stop();
  await objects.close();
  await db.close();
});

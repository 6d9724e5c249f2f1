/** A whole service whose rows expire: what its users see of it, and what a replica does that only serves. */

import { describe, expect, it, vi } from "vitest";
import { openPlace } from "./laboratory.ts";

const sdl = `
type Reservation @table(expires: "keptUntil") { reservation: Int! @key  rig: String!  keptUntil: DateTime }
type Remark @table { remark: Int! @key  reservation: Reservation! }`;

const rows = `[
  { reservation: 1, rig: "a", keptUntil: "2001-01-01T00:00:00Z" }
  { reservation: 2, rig: "a", keptUntil: "2001-01-01T00:00:00Z" }
  { reservation: 3, rig: "b", keptUntil: "2999-01-01T00:00:00Z" }
  { reservation: 4, rig: "b" }
]`;

const serving = await openPlace({ sdl });
const working = await openPlace({
  sdl,
  databaseUrl: serving.databaseUrl,
  environment: { HOLDFAST_JOBS: "on" },
});

const reservations = async (): Promise<readonly number[]> => {
  const { reservations: found } = await serving.ask("{ reservations { nodes { reservation } } }");
  return found.nodes.map(({ reservation }: { reservation: number }) => reservation);
};

/** Connections of what runs by itself, of all services. */
const backends = async (): Promise<number> => {
  const { rows: found } = await serving.service.db.query(
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holdfast jobs'",
  );
  return found.length;
};

describe("a service", () => {
  it("removes rows whose time has come, tells who refers to what stays, and stops cleanly", async () => {
    await serving.ask(`mutation { createReservations(rows: ${rows}) { count } }`);
    await serving.ask(
      "mutation { createRemark(input: { remark: 1, reservation: { key: { reservation: 2 } } }) { remark { remark } } }",
    );
    const { db } = working.service;
    await vi.waitFor(() => db.query("SELECT graphile_worker.add_job('holdfast_expire')"), {
      timeout: 20_000,
    });
    await vi.waitFor(async () => expect(await reservations()).toEqual([2, 3, 4]), { timeout: 20_000 });
    const report =
      "SELECT by, report -> 'entities' AS entities FROM holdfast.collector_run WHERE state = 'DONE'";
    const [run] = await vi.waitUntil(async () => {
      const { rows: runs } = await db.query<{ by: string; entities: string }>(report);
      return runs.length > 0 && runs;
    });
    expect(run?.by).toBe("schedule");
    expect(JSON.parse(run?.entities ?? "")).toEqual([
      {
        entity: "Reservation",
        removed: { "lab.reservation": 1 },
        kept: { "rows of lab.remark refer to them": 1 },
      },
    ]);
    expect(await backends()).toBeGreaterThan(0);
    await working.service.close();
    expect(await backends()).toBe(0);
  });
});

/** Starting, stopping, killing, and everything of the environment that can be wrong. Public surface only. */

import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, inject, it } from "vitest";
import { graphql, holdfast, type RunningService, startHoldfast } from "./support/process.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-start-"));
const data = join(folder, "data");
const running: RunningService[] = [];

async function start(args: readonly string[], env: Record<string, string> = {}): Promise<RunningService> {
  const service = await startHoldfast(["--data", data, "--port", "0", ...args], { env });
  running.push(service);
  return service;
}

afterAll(async () => {
  for (const service of running) await service.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
});

const sampleQuery = `{
  sessions(orderBy: [{sessionId: ASC}]) { totalCount nodes { sessionId origin title protocol { path status } } }
  spikeTrains(where: {spikeCount: {gt: 30}}) { totalCount }
  spikeTrain(sessionId: 1, sweepIdx: 12) { spikeCount spikes { totalCount } recording { voltage { dtype shape values(slice: [{stop: 3}]) } } }
  clockTrace(sessionId: 2) { steps { dtype shape } }
  movie(sessionId: 1) { movie { itemCount entries { path } } }
}`;

const sampleAnswer = {
  sessions: {
    totalCount: 2,
    nodes: [
      { sessionId: 1, origin: "SIMULATED", protocol: { path: "sample/protocol.txt" } },
      { sessionId: 2, origin: "MEASURED", protocol: null },
    ],
  },
  spikeTrains: { totalCount: 4 },
  spikeTrain: {
    spikeCount: 35,
    spikes: { totalCount: 35 },
    recording: {
      voltage: {
        dtype: "float32",
        shape: [25000],
        values: [-65, expect.closeTo(-65, 1), expect.closeTo(-65, 1)],
      },
    },
  },
  clockTrace: { steps: { dtype: "uint32", shape: [200000] } },
  movie: { movie: { itemCount: 6 } },
};

describe("holdfast start", () => {
  it("comes up with the sample laboratory in an empty folder, and stops cleanly on SIGINT", async () => {
    const service = await start([]);
    const { data: answer, errors } = await graphql(service.url, sampleQuery);
    expect(errors).toBeUndefined();
    expect(answer).toMatchObject(sampleAnswer);
    expect(service.ready).toMatchObject({ event: "ready", database: "embedded", entities: 8 });
    expect(statSync(join(data, "server.json")).mode & 0o777).toBe(0o600);
    expect(await service.end("SIGINT")).toBe(0);
    expect(existsSync(join(data, "server.json"))).toBe(false);
    // PostgreSQL itself has ended, and in order.
    expect(existsSync(join(data, "postgres", "cluster", "postmaster.pid"))).toBe(false);
  });

  it("has its data at the second start, and after kill -9", async () => {
    for (const signal of ["SIGKILL", "SIGKILL", "SIGTERM"] as const) {
      const service = await start([]);
      expect((await graphql(service.url, sampleQuery)).data).toMatchObject(sampleAnswer);
      await service.end(signal);
    }
  });

  it("refuses a data folder that another process uses, naming it", async () => {
    const service = await start([]);
    const second = holdfast(["start", "--data", data, "--port", "0"]);
    expect(second.code).toBe(4);
    expect(second.err).toContain(`Process ${service.child.pid}`);
    expect(second.err).toContain("DATA_IN_USE");
    expect((await graphql(service.url, "{ __typename }")).data).toEqual({ __typename: "Query" });
    await service.end("SIGTERM");
  });

  it("refuses a busy port that was asked for, and takes the next one otherwise", async () => {
    const blocker = createServer();
    await new Promise<void>((done) => blocker.listen(0, "127.0.0.1", done));
    const { port } = blocker.address() as { port: number };
    const refused = holdfast(["start", "--data", data, "--port", String(port)]);
    expect(refused.code).toBe(6);
    expect(refused.err).toContain(`Port ${port}`);
    expect(refused.err).toContain("ADDRESS_IN_USE");
    blocker.close();
  });

  it("names an unreachable database and an unusable setting", () => {
    const gone = holdfast(["start", "--data", data], {
      env: { DATABASE_URL: "postgresql://u:secret@127.0.0.1:1/x" },
    });
    expect(gone.code).toBe(6);
    expect(gone.err).toContain("DATABASE_UNAVAILABLE");
    expect(gone.err).not.toContain("secret");
    expect(holdfast(["start"], { env: { PORT: "many" } })).toMatchObject({
      code: 2,
      err: expect.stringContaining('PORT is "many"'),
    });
  });

  it("refuses to listen beyond this machine without tokens", () => {
    const refused = holdfast(["start", "--data", data, "--host", "0.0.0.0", "--port", "0"]);
    expect(refused.code).toBe(2);
    expect(refused.err).toContain("HOLDFAST_TOKENS");
  });

  it("refuses a database of a newer Holdfast and leaves it alone", async () => {
    const { Client } = await import("pg");
    const admin = new Client({ connectionString: inject("postgresUrl") });
    await admin.connect();
    await admin.query("CREATE DATABASE newer_holdfast");
    const url = new URL(inject("postgresUrl"));
    url.pathname = "/newer_holdfast";
    const newer = new Client({ connectionString: url.href });
    await newer.connect();
    await newer.query(
      "CREATE SCHEMA holdfast; CREATE TABLE holdfast.migration (id serial, name text, executed_at timestamptz)",
    );
    await newer.query("INSERT INTO holdfast.migration (name) VALUES ('9999-of-the-future')");
    const refused = holdfast(["start", "--data", join(folder, "other"), "--port", "0"], {
      env: { DATABASE_URL: url.href },
    });
    expect(refused.code).toBe(6);
    expect(refused.err).toContain("9999-of-the-future");
    expect((await newer.query("SELECT name FROM holdfast.migration")).rows).toEqual([
      { name: "9999-of-the-future" },
    ]);
    await newer.end();
    await admin.query("DROP DATABASE newer_holdfast");
    await admin.end();
  });

  it("says that the store's folder is missing, goes on serving, and works again when it is back", async () => {
    const stores = join(folder, "elsewhere");
    const { mkdirSync, renameSync } = await import("node:fs");
    mkdirSync(stores);
    const env = {
      DJ_STORES: JSON.stringify({
        default: "main",
        filepath_default: "main",
        main: { protocol: "file", location: stores },
      }),
    };
    const own = join(folder, "own");
    const service = await startHoldfast(["--data", own, "--port", "0", "--no-sample"], { env });
    running.push(service);
    const create = `mutation { createPreparation(input: {preparation: "p", description: "d"}) { preparation { preparation } }
      createSession(input: {sessionId: 1, preparation: {key: {preparation: "p"}}, origin: MEASURED, title: "t", startedAt: "2026-01-01T00:00:00Z",
        notes: {text: {name: "n.txt", content: "c"}}}) { session { sessionId notes { text } } } }`;
    renameSync(stores, `${stores}.away`);
    const failed = await graphql(service.url, create);
    expect(failed.errors?.[0]?.extensions).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expect((await fetch(`${service.url}/readyz`)).status).toBe(503);
    expect((await graphql(service.url, "{ preparations { totalCount } }")).data).toEqual({
      preparations: { totalCount: 0 },
    });
    renameSync(`${stores}.away`, stores);
    expect((await graphql(service.url, create)).errors).toBeUndefined();
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    await service.end("SIGTERM");
  });

  it("reports a schema file with problems, all in one go", () => {
    const schema = join(folder, "broken.graphql");
    writeFileSync(schema, "type A @table { a: Int }\ntype B @table { b: Nothing! @key }\n");
    const refused = holdfast(["check", "--schema", schema, "--data", data]);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("broken.graphql:1:");
    expect(refused.err).toContain("broken.graphql:2:");
  });
});

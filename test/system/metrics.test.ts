/** What `/metrics` tells, as Prometheus would read it; the page of the reference lists exactly these. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openWorld } from "./support/service.ts";

const world = await openWorld(`
extend schema @database(schema: "lab")
type Sample @table { sampleId: Int! @key  trace: NdArray @codec(name: "npy", store: "default") }
`);
const { db } = world.service;

async function scrape(token: string | undefined = world.token("READ")): Promise<Response> {
  const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return await fetch(`${world.url}/metrics`, { headers });
}

/** Samples by `name{labels}`. */
async function samples(): Promise<Map<string, number>> {
  const text = await (await scrape()).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))] as const;
    }),
  );
}

const sum = (all: ReadonlyMap<string, number>, begin: string): number =>
  [...all].reduce((total, [name, value]) => total + (name.startsWith(begin) ? value : 0), 0);

describe("/metrics", () => {
  it("is for tokens that may read, in the text format of Prometheus", async () => {
    expect((await scrape("")).status).toBe(401);
    const response = await scrape();
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    const text = await response.text();
    for (const line of text.split("\n").filter((one) => one !== ""))
      expect(line).toMatch(
        /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-+.\dInfae]+)$/,
      );
  });

  it("counts requests by route, never by what was asked for", async () => {
    const before = await samples();
    await fetch(`${world.url}/d/some-capability/secret-name.txt`);
    await fetch(`${world.url}/nothing/of/ours`, {
      headers: { authorization: `Bearer ${world.token("READ")}` },
    });
    const after = await samples();
    const data = [...after.keys()].filter((name) => name.includes("/d/"));
    expect(data.length).toBeGreaterThan(0);
    expect([...after.keys()].join("\n")).not.toMatch(/some-capability|secret-name|nothing/);
    const requests = "holdfast_http_requests_total";
    expect(sum(after, requests) - sum(before, requests)).toBe(3);
    expect(after.get(`${requests}{route="none",method="GET",status="404"}`)).toBe(1);
    expect(after.get('holdfast_http_request_duration_seconds_count{route="none"}')).toBe(1);
  });

  it("tells objects, condemned ones, tombstones by state, and the doubts of the last run", async () => {
    await db.query("INSERT INTO holdfast.store (name) VALUES ('other')");
    await db.query(`INSERT INTO holdfast.object (locator, size, condemned_at) VALUES
      ('main:a/kept', 10, NULL), ('main:a/condemned', 5, clock_timestamp()), ('other:a/kept', 7, NULL)`);
    await db.query(`INSERT INTO holdfast.tombstone (locator, tree, killed_at, claim_until, hidden_at) VALUES
      ('main:t/queued', false, clock_timestamp() - interval '2 hours', NULL, NULL),
      ('main:t/claimed', false, clock_timestamp(), clock_timestamp() + interval '1 hour', NULL),
      ('main:t/lapsed', false, clock_timestamp(), clock_timestamp() - interval '1 hour', NULL),
      ('main:t/hidden', false, clock_timestamp(), NULL, clock_timestamp())`);
    const doubts = [{ code: "MODE", store: "main" }, { code: "GUARD" }];
    await db.query(
      `INSERT INTO holdfast.collector_run (kind, state, applied, by, version, ended_at, report) VALUES
       ('COLLECT', 'DONE', true, 'test', '0', clock_timestamp() - interval '1 hour', '{"doubts":[{"code":"STORE"}]}'),
       ('COLLECT', 'DONE', true, 'test', '0', clock_timestamp(), $1), ('FSCK', 'FAILED', false, 'test', '0', NULL, NULL)`,
      [JSON.stringify({ doubts })],
    );
    const told = await samples();
    expect(told.get("holdfast_database_up")).toBe(1);
    expect(told.get('holdfast_objects_condemned{store="main"}')).toBe(1);
    expect(told.get('holdfast_objects_unverified{store="main"}')).toBe(2);
    expect(told.get('holdfast_tombstones{store="main",state="queued"}')).toBe(2);
    expect(told.get('holdfast_tombstones{store="main",state="claimed"}')).toBe(1);
    expect(told.get('holdfast_tombstones{store="main",state="hidden"}')).toBe(1);
    expect(told.get("holdfast_tombstone_oldest_unhidden_seconds")).toBeGreaterThanOrEqual(7200);
    expect(told.get('holdfast_collector_runs{kind="COLLECT",state="DONE"}')).toBe(2);
    expect(told.get('holdfast_collector_runs{kind="FSCK",state="FAILED"}')).toBe(1);
    expect(told.get('holdfast_collector_doubts{store="main",code="MODE"}')).toBe(1);
    expect(told.get('holdfast_collector_doubts{store="",code="GUARD"}')).toBe(1);
    expect([...told.keys()].filter((name) => name.includes('code="STORE"'))).toEqual([]);
    const ended = told.get('holdfast_collector_last_run_timestamp_seconds{kind="COLLECT"}') ?? 0;
    expect(Math.abs(ended - Date.now() / 1000)).toBeLessThan(600);
  });

  it("is answered without the database too, which is then told to be down", async () => {
    await db.query("ALTER TABLE holdfast.tombstone RENAME TO away");
    try {
      const told = await samples();
      expect(told.get("holdfast_database_up")).toBe(0);
      expect(sum(told, "holdfast_objects")).toBe(0);
      expect(sum(told, "holdfast_http_requests_total")).toBeGreaterThan(0);
    } finally {
      await db.query("ALTER TABLE holdfast.away RENAME TO tombstone");
    }
    const told = await samples();
    expect(told.get("holdfast_database_up")).toBe(1);
    expect(told.get('holdfast_objects{store="main"}')).toBe(2);
    expect(told.get('holdfast_object_bytes{store="main"}')).toBe(15);
    expect(told.get('holdfast_object_bytes{store="other"}')).toBe(7);
  });

  it("is listed in the reference, each with its labels", async () => {
    const page = readFileSync(join(import.meta.dirname, "../../docs/reference/http.md"), "utf8");
    const listed = [...page.matchAll(/^\| `((?:holdfast|process)_[a-z_]+)` \|/gm)].map(([, name]) => name);
    const text = await (await scrape()).text();
    const served = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name);
    expect(listed.sort()).toEqual(served.sort());
  });
});

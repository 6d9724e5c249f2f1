/** The collector through the system API, as an operator's program has it: real rows, real bytes on a file store. */

import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "graphql-ws";
import { beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { events } from "../live/events.ts";
import { codeOf, openWorld } from "./support/service.ts";

const world = await openWorld(
  `
extend schema @database(schema: "lab")
type Sample @table { sampleId: Int! @key  trace: NdArray @codec(name: "npy", store: "default") }
`,
  { HOLDFAST_JOBS: "off" },
);
const { system, entity } = world;
const fileOf = (locator: string): string =>
  join(world.folder, "data/stores/main", locator.slice("main:".length));

async function create(sampleId: number): Promise<string> {
  const trace = { values: { dtype: "int16", shape: [1], data: [sampleId] } };
  const made = await entity(
    "mutation ($input: CreateSampleInput!) { createSample(input: $input) { sample { sampleId } } }",
    { input: { sampleId, trace } },
  );
  expect(made.errors).toBeUndefined();
  const prefix = `main:_schema/lab/sample/sample_id=${sampleId}/`;
  const { objects } = (
    await system("query ($prefix: String!) { objects(prefix: $prefix) { nodes { locator } } }", { prefix })
  ).data;
  return objects.nodes[0].locator;
}

const remove = (sampleId: number) =>
  entity(`mutation { deleteSample(key: {sampleId: ${sampleId}}) { sample { sampleId } } }`);

const collectMutation = `mutation ($input: CollectInput!) { collect(input: $input) {
  id kind state isApplied by version startedAt endedAt error doubts { code store subject message remedy }
  collected { store mode isApplied counts { release condemn clear kill hide purge reap hiddenBytes purgedBytes kept inGrace } } checked { store } } }`;

// biome-ignore lint/suspicious/noExplicitAny: each test reads its own part
async function collect(input: object): Promise<any> {
  const answer = await system(collectMutation, { input });
  expect(answer.errors).toBeUndefined();
  return answer.data.collect;
}

const setPolicy = (input: object) =>
  system(
    "mutation ($input: StorePolicyInput!) { setStorePolicy(input: $input) { store mode graceSeconds keepSeconds drainSeconds } }",
    { input },
  );

async function look(locator: string) {
  const query = `query ($locator: ID!) {
    object(locator: $locator) { isCondemned condemnedAt holds audit { step by run } }
    removedObjects(locator: $locator) { nodes { locator state hiddenAt purgeAfter sizeBytes } endCursor }
    audit(locator: $locator) { nodes { id step by run gen details } endCursor } }`;
  const answer = await system(query, { locator }, "READ");
  expect(answer.errors).toBeUndefined();
  return answer.data;
}

const kept = await create(1);
const unused = await create(2);

describe("a store's policy", () => {
  it("begins with reports only, and is changed in parts", async () => {
    const first = {
      store: "main",
      mode: "REPORT",
      graceSeconds: 604_800,
      keepSeconds: 2_592_000,
      drainSeconds: 1800,
    };
    const policies = "{ storePolicies { store mode graceSeconds keepSeconds drainSeconds } }";
    expect((await system(policies, {}, "READ")).data.storePolicies).toEqual([first]);
    const { data } = await setPolicy({ store: "main", keepSeconds: 86_400, drainSeconds: null });
    expect(data.setStorePolicy).toEqual({ ...first, keepSeconds: 86_400 });
    expect((await system(policies)).data.storePolicies).toEqual([{ ...first, keepSeconds: 86_400 }]);
    const audit = (await system("{ audit { nodes { step by details } } }")).data.audit.nodes;
    expect(audit).toMatchObject([{ step: "policy", by: "a ADMIN" }]);
    expect(JSON.stringify(audit[0].details)).toContain("86400");
  });

  it("refuses what is none, by name", async () => {
    expect(codeOf(await setPolicy({ store: "mian", keepSeconds: 1 }))).toBe("STORE_UNKNOWN");
    const negative = await setPolicy({ store: "main", graceSeconds: -1 });
    expect(negative.errors?.[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", field: "graceSeconds" });
    expect((await setPolicy({ store: "main", mode: "on" })).errors?.[0]?.message).toContain("CollectionMode");
  });
});

describe("a run", () => {
  let metadata: unknown;

  beforeAll(async () => {
    metadata = (await world.service.db.query("SELECT trace FROM lab.sample WHERE sample_id = 2")).rows[0]?.[
      "trace"
    ];
    expect((await remove(2)).errors).toBeUndefined();
  });

  it("that is dry tells what would be done, and changes nothing", async () => {
    const run = await collect({});
    expect(run).toMatchObject({
      kind: "COLLECT",
      state: "DONE",
      isApplied: false,
      by: "a ADMIN",
      error: null,
    });
    expect(run.endedAt >= run.startedAt).toBe(true);
    expect(run.checked).toBeNull();
    expect(run.collected).toMatchObject([
      { store: "main", mode: "REPORT", isApplied: false, counts: { release: 1, condemn: 1, kill: 0 } },
    ]);
    const told = await look(unused);
    expect(told.object).toMatchObject({ isCondemned: false, holds: ["lab"], audit: [] });
  });

  it("waits for confirmation, and says what to do", async () => {
    const run = await collect({ apply: true });
    expect(run.collected[0].isApplied).toBe(false);
    expect(run.doubts.map(({ code }: { code: string }) => code)).toContain("MODE");
    for (const doubt of run.doubts)
      expect(doubt).toMatchObject({ store: "main", remedy: expect.stringMatching(/\w/) });
    expect((await look(unused)).object.isCondemned).toBe(false);
  });

  it("condemns what nothing holds once it is confirmed, and keeps it for its grace", async () => {
    const run = await collect({ apply: true, confirm: true });
    expect(run.doubts).toEqual([]);
    expect(run.collected).toMatchObject([
      { mode: "ON", isApplied: true, counts: { release: 1, condemn: 1, kill: 0, hide: 0 } },
    ]);
    const told = await look(unused);
    expect(told.object).toMatchObject({ isCondemned: true, condemnedAt: expect.any(String), holds: [] });
    expect(told.audit.nodes).toMatchObject([
      { step: "release", by: "a ADMIN", run: run.id },
      { step: "condemn", by: "a ADMIN", run: run.id },
    ]);
    const listed = await system(
      '{ objects(condemned: true, store: "main") { nodes { locator } } others: objects(condemned: false) { nodes { locator } } }',
    );
    expect(listed.data.objects.nodes).toEqual([{ locator: unused }]);
    expect(listed.data.others.nodes).toEqual([{ locator: kept }]);
    const all = "{ objects { nodes { locator } } free: objects(unreferenced: true) { nodes { locator } } }";
    expect((await system(all)).data).toEqual({
      objects: { nodes: [{ locator: kept }, { locator: unused }] },
      free: { nodes: [{ locator: unused }] },
    });
    expect((await collect({ apply: true })).collected[0].counts).toMatchObject({
      condemn: 0,
      kill: 0,
      inGrace: 1,
    });
  });

  it("kills after the grace, hides the bytes, and every step is on record", async () => {
    await setPolicy({ store: "main", graceSeconds: 0 });
    const run = await collect({ apply: true });
    expect(run.collected[0].counts).toMatchObject({ kill: 1, hide: 1, purge: 0, hiddenBytes: "130" });
    const told = await look(unused);
    expect(told.object).toBeNull();
    expect(told.removedObjects.nodes).toMatchObject([
      { locator: unused, state: "HIDDEN", hiddenAt: expect.any(String), purgeAfter: expect.any(String) },
    ]);
    expect(told.audit.nodes.map(({ step }: { step: string }) => step)).toEqual(
      expect.arrayContaining(["release", "condemn", "kill", "hide"]),
    );
    expect(existsSync(fileOf(unused))).toBe(false);
    expect(existsSync(fileOf(kept))).toBe(true);
    const revive = "mutation ($all: [ID!]!) { reviveObjects(locators: $all) { outcome message } }";
    // Other programs may still write to the key that they saw free.
    expect((await system(revive, { all: [unused] })).data.reviveObjects).toMatchObject([{ outcome: "busy" }]);
    await world.service.db.query("UPDATE holdfast.store SET drain = '0' WHERE name = 'main'");
  });

  it("is undone by reviving, bytes and all", async () => {
    const revive = "mutation ($all: [ID!]!) { reviveObjects(locators: $all) { locator outcome message } }";
    const { data } = await system(revive, { all: [unused, kept, "main:_schema/lab/never"] });
    const outcomes = Object.fromEntries(
      data.reviveObjects.map(({ locator, outcome }: { locator: string; outcome: string }) => [
        locator,
        outcome,
      ]),
    );
    expect(outcomes).toEqual({ [unused]: "revived", [kept]: "alive", "main:_schema/lab/never": "gone" });
    expect(existsSync(fileOf(unused))).toBe(true);
    expect((await look(unused)).object).not.toBeNull();
    const many = await system(revive, { all: Array.from({ length: 1001 }, (_, n) => `main:x/${n}`) });
    expect(codeOf(many)).toBe("LIMIT_EXCEEDED");
  });

  it("leaves the trash, from which a read that misses the bytes has them healed", async () => {
    await world.service.db.query("INSERT INTO lab.sample (sample_id, trace) VALUES (2, $1)", [metadata]);
    const { data } = await entity("{ sample(sampleId: 2) { trace { url } } }");
    expect((await fetch(data.sample.trace.url)).status).toBe(200);
    rmSync(fileOf(unused));
    expect((await fetch(data.sample.trace.url)).status).toBe(500);
    await expect.poll(() => existsSync(fileOf(unused)), { timeout: 10_000 }).toBe(true);
    await expect.poll(async () => (await fetch(data.sample.trace.url)).status).toBe(200);
  });

  it("of unknown stores is refused", async () => {
    expect(codeOf(await system(collectMutation, { input: { stores: ["mian"] } }))).toBe("STORE_UNKNOWN");
  });
});

describe("runs", () => {
  const query = `query ($first: Int! = 20, $after: String) { collectorRuns(first: $first, after: $after) {
    nodes { id kind state isApplied by } endCursor } }`;

  it("are listed the newest first, each once over the pages", async () => {
    const { nodes } = (await system(query, {}, "READ")).data.collectorRuns;
    expect(nodes.length).toBeGreaterThan(5);
    expect(new Set(nodes.map(({ kind }: { kind: string }) => kind))).toEqual(
      new Set(["POLICY", "COLLECT", "REVIVE", "FSCK"]),
    );
    const paged: unknown[] = [];
    let after: string | null = null;
    do {
      const page: { nodes: unknown[]; endCursor: string | null } = (await system(query, { first: 2, after }))
        .data.collectorRuns;
      paged.push(...page.nodes);
      after = page.endCursor;
    } while (after !== null);
    expect(paged).toEqual(nodes);
    const one = await system("query ($id: ID!) { collectorRun(id: $id) { id kind state isApplied by } }", {
      id: nodes[1].id,
    });
    expect(one.data.collectorRun).toEqual(nodes[1]);
    expect((await system('{ collectorRun(id: "999999") { id } }')).data.collectorRun).toBeNull();
  });

  it("and audits have no other cursors than those that were given", async () => {
    for (const asked of [
      '{ collectorRuns(after: "x") { endCursor } }',
      '{ audit(after: "1; --") { endCursor } }',
      '{ removedObjects(after: "main:x") { endCursor } }',
      '{ collectorRun(id: "") { id } }',
    ])
      expect(codeOf(await system(asked))).toBe("BAD_USER_INPUT");
    for (const asked of [
      "{ collectorRuns(first: 0) { endCursor } }",
      "{ removedObjects(first: 1001) { endCursor } }",
    ])
      expect(codeOf(await system(asked))).toBe("LIMIT_EXCEEDED");
  });
});

describe("news of a run", () => {
  const subscription = `subscription ($run: ID!) { collectorProgress(run: $run) {
    decisions { step locator reason sizeBytes condemnedAt } findings { kind } ended { id state collected { counts { kept } } } } }`;
  const bearer = (right: "READ" | "ADMIN") => ({ authorization: `Bearer ${world.token(right)}` });
  const place = { service: world.service };
  const path = "/system/graphql";

  it("come as events: every decision of a run that is followed, then its end", async () => {
    await collect({ apply: true });
    const other = await create(3);
    await remove(3);
    const { id, state } = await collect({ follow: true });
    expect(state).toBe("RUNNING");
    const stream = events(
      place,
      { query: subscription, variables: { run: id } },
      { headers: bearer("READ"), path },
    );
    expect(await stream.ended).toBe(true);
    const told = stream.got.map(({ data }) => data.collectorProgress);
    const decisions = told.flatMap((news) => news.decisions);
    expect(decisions).toContainEqual({
      step: "release",
      locator: other,
      reason: expect.stringContaining("lab"),
      sizeBytes: expect.anything(),
      condemnedAt: null,
    });
    expect(told.at(-1)).toMatchObject({ decisions: [], ended: { id, state: "DONE" } });
    expect(told.slice(0, -1).every(({ ended }) => ended === null)).toBe(true);
  });

  it("come over a WebSocket too, with the token in the first message", async () => {
    const { id } = await collect({ follow: true });
    const client = createClient({
      url: `${world.url.replace("http", "ws")}${path}`,
      webSocketImpl: WebSocket,
      connectionParams: bearer("READ"),
      retryAttempts: 0,
    });
    const told = [];
    // biome-ignore lint/suspicious/noExplicitAny: what the subscription selects
    for await (const { data } of client.iterate<any>({ query: subscription, variables: { run: id } }))
      told.push(data.collectorProgress);
    expect(told.flatMap(({ decisions }) => decisions).length).toBeGreaterThan(0);
    expect(told.at(-1).ended).toMatchObject({ id, state: "DONE" });
    const health = client.iterate({ query: "{ health { ready } }" });
    expect((await health.next()).value).toEqual({ data: { health: { ready: true } } });
    await client.dispose();
  });

  it("of a run that nobody follows are its end, also of one that has ended long ago", async () => {
    const { id } = await collect({});
    for (const _ of [1, 2]) {
      const stream = events(
        place,
        { query: subscription, variables: { run: id } },
        { headers: bearer("READ"), path },
      );
      expect(await stream.ended).toBe(true);
      expect(stream.got).toMatchObject([{ data: { collectorProgress: { decisions: [], ended: { id } } } }]);
    }
  });

  it("end with the run of another process, which is looked at in the database", async () => {
    const { rows } = await world.service.db.query<{ id: string }>(
      "INSERT INTO holdfast.collector_run (kind, applied, by, version) VALUES ('FSCK', true, 'elsewhere', '0') RETURNING id",
    );
    const run = rows[0]?.id;
    const stream = events(
      place,
      { query: subscription, variables: { run } },
      { headers: bearer("READ"), path },
    );
    expect((await stream.begun).status).toBe(200);
    const stop = await system("mutation ($run: ID!) { stopCollectorRun(id: $run) { id } }", { run });
    expect(codeOf(stop)).toBe("CONFLICT");
    await world.service.db.query(
      "UPDATE holdfast.collector_run SET state = 'FAILED', ended_at = clock_timestamp(), report = '{\"error\":\"It died.\"}' WHERE id = $1",
      [run],
    );
    expect(await stream.ended).toBe(true);
    expect(stream.got).toMatchObject([{ data: { collectorProgress: { ended: { state: "FAILED" } } } }]);
    const told = await system("query ($run: ID!) { collectorRun(id: $run) { error checked { store } } }", {
      run,
    });
    expect(told.data.collectorRun).toEqual({ error: "It died.", checked: null });
  });

  it("are refused where there is no such run, no token, one answer only, or a GET that would change something", async () => {
    const unknown = events(
      place,
      { query: subscription, variables: { run: "999999" } },
      { headers: bearer("READ"), path },
    );
    expect(await unknown.ended).toBe(true);
    expect(unknown.got).toMatchObject([{ errors: [{ extensions: { code: "NOT_FOUND" } }] }]);
    expect((await events(place, { query: subscription }, { path }).begun).status).toBe(401);
    const once = await system(subscription, { run: "1" });
    expect(once.errors).toMatchObject([{ message: expect.stringContaining("text/event-stream") }]);
    const runs = "{ collectorRuns(first: 1) { nodes { id } } }";
    const before = (await system(runs)).data;
    const mutation = encodeURIComponent("mutation { collect(input: {}) { id } }");
    const got = await fetch(`${world.url}${path}?query=${mutation}`, {
      headers: { ...bearer("ADMIN"), accept: "text/event-stream" },
    });
    expect(await got.text()).toContain("A GET changes nothing");
    expect((await system(runs)).data).toEqual(before);
  });
});

describe("fsck", () => {
  const fsck = `mutation ($input: FsckInput!) { fsck(input: $input) {
    kind state doubts { code store } collected { store } checked { store objects scrubbedBytes found mended lost } } }`;

  it("reads all bytes where that is asked for, and finds nothing wrong", async () => {
    const { data, errors } = await system(fsck, { input: { scrub: 1 } });
    expect(errors).toBeUndefined();
    expect(data.fsck).toMatchObject({ kind: "FSCK", state: "DONE", doubts: [], collected: null });
    expect(data.fsck.checked).toMatchObject([
      { store: "main", lost: 0, mended: 0, found: { MISSING: 0, DIGEST: 0 } },
    ]);
    expect(Number(data.fsck.checked[0].scrubbedBytes)).toBeGreaterThan(0);
  });

  it("counts what rows need and nobody has", async () => {
    rmSync(fileOf(kept));
    const { data } = await system(fsck, { input: { apply: true } });
    expect(data.fsck.checked).toMatchObject([{ lost: 1, found: { MISSING: 1 } }]);
    const run = await collect({ apply: true });
    expect(run.state).toBe("DONE");
  });

  it("takes a share only", async () => {
    for (const scrub of [-0.1, 1.5]) {
      const answer = await system(fsck, { input: { scrub } });
      expect(answer.errors?.[0]).toMatchObject({ extensions: { code: "BAD_USER_INPUT", field: "scrub" } });
    }
  });
});

describe("rights", () => {
  it("keep tokens that may only read or write from everything that acts", async () => {
    for (const mutation of [
      "collect(input: {}) { id }",
      "collect(input: {apply: true, confirm: true}) { id }",
      "fsck(input: {}) { id }",
      'reviveObjects(locators: ["main:x"]) { outcome }',
      'setStorePolicy(input: {store: "main", mode: OFF}) { mode }',
      'stopCollectorRun(id: "1") { id }',
    ])
      for (const right of ["READ", "WRITE"] as const) {
        const answer = await system(`mutation { ${mutation} }`, {}, right);
        expect([mutation, codeOf(answer)]).toEqual([mutation, "FORBIDDEN"]);
      }
  });

  it("let a line of the audit be changed by nobody", async () => {
    for (const change of [
      "UPDATE holdfast.audit SET by = 'x'",
      "DELETE FROM holdfast.audit",
      "TRUNCATE holdfast.audit",
    ])
      await expect(world.service.db.query(change)).rejects.toThrow();
  });
});

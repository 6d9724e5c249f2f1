/** Rotation and revocation of the keys behind URLs, with two services on one database. Public surface only, the clock aside. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshDatabase } from "../support/database.ts";
import { send } from "./support/exchange.ts";
import { graphql, holdfast, type RunningService, startHoldfast } from "./support/process.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-keys-"));
const schema = join(import.meta.dirname, "support/everything.graphql");
const db = { client: new Client() };
let services: RunningService[] = [];

beforeAll(async () => {
  const url = await freshDatabase();
  db.client = new Client({ connectionString: url });
  await db.client.connect();
  mkdirSync(join(folder, "store"));
  const main = { protocol: "file", location: join(folder, "store") };
  const env = {
    DATABASE_URL: url,
    DJ_STORES: JSON.stringify({ default: "main", filepath_default: "main", main }),
  };
  const start = (data: string) => {
    const args = ["--schema", schema, "--data", join(folder, data), "--port", "0", "--no-sample", "--apply"];
    return startHoldfast(args, { cwd: folder, env });
  };
  const first = await start("a");
  services = [first, await start("b")];
  await graphql(
    first.url,
    `mutation { createItem(input: {itemId: 1, pictures: [], blob: {json: [1]}}) { count: affected { count } } }`,
  );
});
afterAll(async () => {
  for (const service of services) await service.end("SIGTERM");
  await db.client.end();
  rmSync(folder, { recursive: true, force: true });
});

interface Key {
  readonly id: string;
  readonly state: string;
  readonly lastExpiryAt: string | null;
}

const at = (index: number): string => services[index]?.url ?? "";

function run<Result>(index: number, ...args: string[]): { code: number | null; out: Result; err: string } {
  const { code, out, err } = holdfast(["--server", at(index), "--json", "capability", ...args]);
  // as: the document that --json gives
  return { code, out: (out === "" ? undefined : JSON.parse(out)) as Result, err };
}

async function mint(index: number): Promise<string> {
  const answer = await graphql<{ item: { blob: { url: string } } }>(
    at(index),
    "{ item(itemId: 1) { blob { url } } }",
  );
  return new URL(answer.data?.item.blob.url ?? "").pathname;
}

/** The id that a capability names its key by. */
const keyOf = (path: string): string =>
  String(Buffer.from(path.split("/")[2] ?? "", "base64url").readUInt32BE(1));

const statuses = (path: string) =>
  Promise.all(services.map(async ({ url }) => (await send(url + path)).status));

/** Waits until `found` answers true; a test that waits in vain runs into its limit. */
async function until(found: () => Promise<boolean>): Promise<void> {
  while (!(await found())) await sleep(100);
}

/** As if a key had been made a minute ago. */
const age = (id: string) =>
  db.client.query(
    "UPDATE holdfast.capability_key SET created_at = created_at - interval '1 min' WHERE id = $1",
    [id],
  );

describe("capability keys", () => {
  it("rotate: new URLs have the new key on every service, and old ones live on", async () => {
    const before = await mint(0);
    const { code, out: made, err } = run<Key>(0, "rotate");
    expect([code, made.state, err]).toEqual([0, "PENDING", ""]);
    // Until each replica has read the key, none signs with it.
    expect(await Promise.all([mint(0), mint(1)].map(async (path) => keyOf(await path)))).toEqual([
      keyOf(before),
      keyOf(before),
    ]);
    await age(made.id);
    await until(async () => keyOf(await mint(0)) === made.id && keyOf(await mint(1)) === made.id);
    for (const path of [before, await mint(0), await mint(1)])
      expect(await statuses(path)).toEqual([200, 200]);
    const keys = run<Key[]>(1, "list").out;
    expect(keys.map(({ id, state }) => [id, state])).toEqual([
      [keyOf(before), "PREVIOUS"],
      [made.id, "CURRENT"],
    ]);
    const last = Date.parse(keys[0]?.lastExpiryAt ?? "");
    expect(last).toBeGreaterThan(Date.now() + 6 * 86_400_000);
    expect(last).toBeLessThan(Date.now() + 8 * 86_400_000);
  });

  it("revoke: its URLs end on every service, the others' do not; who did it is in the log", async () => {
    const keys = run<Key[]>(0, "list").out;
    const [old, current] = keys;
    const kept = await mint(0);
    const { rows } = await db.client.query("SELECT secret FROM holdfast.capability_key");
    for (const { secret } of rows)
      for (const form of ["hex", "base64"] as const)
        expect(JSON.stringify(keys) + services[0]?.log()).not.toContain(secret.toString(form));
    const { code, out } = run<Key>(0, "revoke", old?.id ?? "");
    expect([code, out.state]).toEqual([0, "REVOKED"]);
    expect(run<Key>(1, "revoke", old?.id ?? "").out).toEqual(out);
    expect(keyOf(kept)).toBe(current?.id);
    expect(await statuses(kept)).toEqual([200, 200]);
    expect(services[0]?.log()).toMatch(/"by":"anonymous".*a capability key is revoked/);
  });

  it("revoke of the only key makes another: old URLs end everywhere, new ones work everywhere", async () => {
    const before = await mint(1);
    const { out } = run<Key>(0, "revoke", keyOf(before));
    expect(out.state).toBe("REVOKED");
    expect((await send(at(0) + before)).status).toBe(404);
    await until(async () => (await statuses(before)).every((status) => status === 404));
    await until(async () => {
      const [a, b] = [await mint(0), await mint(1)];
      return [...(await statuses(a)), ...(await statuses(b))].every((status) => status === 200);
    });
    expect(run<Key[]>(0, "list").out.filter(({ state }) => state === "CURRENT")).toHaveLength(1);
  });

  it("refuses a key that is not there", async () => {
    const wrong = run(0, "revoke", "99999");
    expect([wrong.code, JSON.parse(wrong.err).error.code]).toEqual([3, "NOT_FOUND"]);
    for (const id of ["x", "-1", "1; DROP TABLE x", "99999999999999999999999999"])
      expect(run(0, "revoke", "--", id).code).toBe(3);
  });
});

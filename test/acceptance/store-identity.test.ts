/** A store that is not there, as who runs the service sees it. Public surface only. */

import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { send } from "./support/exchange.ts";
import { Place } from "./support/place.ts";
import { holdfast } from "./support/process.ts";

const place = new Place();
afterAll(() => place.close());

const create = (itemId: number) =>
  place.ask<{ createItem: { item: { blob: { url: string } } } }>(
    "mutation ($id: Int!) { createItem(input: { itemId: $id, pictures: [], blob: { json: [1] } }) { item { blob { url } } } }",
    { id: itemId },
  );

it("an empty mount point is no store; the store is taken back as it comes; a lost marker is accepted on purpose", {
  timeout: 120_000,
}, async () => {
  const first = await place.start();
  expect(first.ready["warnings"]).toEqual([]);
  const { data } = await create(1);
  const path = new URL(data?.createItem.item.blob.url ?? "").pathname;
  await first.end("SIGTERM");
  const away = `${place.store}.away`;
  renameSync(place.store, away);
  mkdirSync(place.store);
  const { ready } = await place.start();
  const warning = `The location of the store main (${place.store}) has no marker _obj/identity.json: it is not the store.`;
  expect(ready["warnings"]).toEqual([expect.stringContaining(warning)]);
  const isReady = async () => (await fetch(`${place.url}/readyz`)).status;
  expect(await isReady()).toBe(503);
  // Neither written, nor told as lost.
  expect((await create(2)).errors?.[0]?.extensions).toMatchObject({ code: "STORE_UNAVAILABLE" });
  expect((await send(place.url + path)).code).toBe("STORE_UNAVAILABLE");
  expect(place.files()).toEqual([]);
  const listed = holdfast(["stores", "list", "--server", place.url]);
  expect([listed.code, listed.out]).toEqual([6, expect.stringContaining("has no marker")]);
  const verified = holdfast(["stores", "verify", "main", "--server", place.url]);
  expect([verified.code, verified.out]).toEqual([6, expect.stringMatching(/PROBLEM\s+IDENTITY/)]);
  expect(place.files()).toEqual([]);

  rmSync(place.store, { recursive: true });
  renameSync(away, place.store);
  expect(await isReady()).toBe(200);
  expect((await send(place.url + path)).status).toBe(200);
  expect((await create(2)).errors).toBeUndefined();
  await place.service.end("SIGTERM");

  rmSync(join(place.store, "_obj"), { recursive: true });
  await place.start();
  expect((await create(3)).errors?.[0]?.extensions).toMatchObject({ code: "STORE_UNAVAILABLE" });
  const accepted = holdfast(["stores", "accept", "main", "--server", place.url]);
  expect([accepted.code, accepted.out]).toEqual([0, expect.stringMatching(/^main: the store [0-9a-f-]{36}/)]);
  expect((await create(3)).errors).toBeUndefined();
  expect(await isReady()).toBe(200);
  const unknown = holdfast(["stores", "accept", "nothing", "--server", place.url]);
  expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("Configured are: main")]);
});

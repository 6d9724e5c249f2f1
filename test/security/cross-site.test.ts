/** What a page of another site can make a browser send: no such request changes anything, on any transport. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import WebSocket from "ws";
import { createUpload } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";

// On loopback without tokens, where a page needs no credentials to be somebody.
const place = new Place();
beforeAll(async () => {
  await place.start();
});
afterAll(() => place.close());

const evil = { origin: "https://evil.example", referer: "https://evil.example/" };
const mutation = 'mutation { createSpecies(input: {species: "evil"}) { species { species } } }';
const upload =
  'mutation { createUpload(input: {target: {type: "Item", field: "bytes"}, filename: "x"}) { id } }';

/** Rows, objects, files and uploads: what no such request may change. */
const state = async () => ({ known: await place.known(), files: place.files() });

async function changesNothing(work: () => Promise<unknown>): Promise<void> {
  const before = await state();
  await work();
  expect(await state()).toEqual(before);
}

describe.each(["/graphql", "/system/graphql"])("%s", (path) => {
  it.each([
    ["a link or an image", {}],
    ["one that claims to be asked for by a script", { "apollo-require-preflight": "true" }],
    ["one that takes events", { accept: "text/event-stream" }],
  ])("a mutation by GET, as %s, is refused", async (_name, headers) => {
    for (const query of [mutation, upload])
      await changesNothing(async () => {
        const url = `${place.url}${path}?query=${encodeURIComponent(query)}`;
        const answer = await fetch(url, { headers: { ...evil, ...headers } });
        expect(await answer.text()).toContain('"errors"');
      });
  });

  it.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])(
    "a body that a form can send (%s) is refused",
    async (type) => {
      await changesNothing(async () => {
        const body = new Blob([JSON.stringify({ query: mutation })], { type });
        const headers = { ...evil, ...(type === "" ? {} : { "content-type": type }) };
        const { status } = await fetch(`${place.url}${path}`, { method: "POST", body, headers });
        expect([400, 415]).toContain(status);
      });
    },
  );

  it("a preflight is not granted", async () => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      const { headers } = await fetch(`${place.url}${path}`, {
        method: "OPTIONS",
        headers: {
          ...evil,
          "access-control-request-method": method,
          "access-control-request-headers": "content-type",
        },
      });
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });
});

describe("other transports", () => {
  it("a WebSocket of a page of another site is refused before it is one", async () => {
    for (const origin of ["https://evil.example", "null", `${place.url}.evil.example`]) {
      const socket = new WebSocket(
        place.url.replace("http", "ws").concat("/graphql"),
        "graphql-transport-ws",
        {
          origin,
        },
      );
      const outcome = await new Promise((done) => {
        socket.on("open", () => done("open"));
        socket.on("error", (error) => done(error.message));
      });
      socket.terminate();
      expect(outcome).toMatch(/403/);
    }
  });

  it.each(["https://evil.example", "null"])(
    "a PUT to an upload by a page of %s is refused",
    async (origin) => {
      const { id, url } = await createUpload(place, "bytes");
      await changesNothing(async () => {
        for (const at of [url, `${place.url}/uploads/${id}`])
          expect((await fetch(at, { method: "PUT", body: "evil", headers: { origin } })).status).toBe(403);
      });
    },
  );

  it("no answer sets a cookie, or lets a page of another site read it but for bytes", async () => {
    for (const path of [
      "/graphql",
      "/system/graphql",
      "/readyz",
      "/version",
      "/metrics",
      "/healthz",
      "/uploads/x",
    ]) {
      const { headers } = await fetch(`${place.url}${path}`, { headers: evil });
      expect(headers.getSetCookie()).toEqual([]);
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
  });
});

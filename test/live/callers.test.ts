/** Who may stream: tokens in both transports, while they count; and which documents. */

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { createToken } from "../../src/http/tokens.ts";
import { events } from "./events.ts";
import { type Answer, follow, openPlace, type Place, stranger } from "./laboratory.ts";

const reader = createToken({ name: "reader", right: "READ" });
const passing = createToken({ name: "passing", right: "READ" });
const writer = createToken({ name: "writer", right: "WRITE" });
const brief = "subscription { rigChanged { kind } }";
let place: Place;
let tokens: string;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-callers-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  tokens = join(folder, "tokens");
  writeFileSync(tokens, reader.line + passing.line + writer.line, { mode: 0o600 });
  const documents = join(folder, "documents.json");
  writeFileSync(
    documents,
    JSON.stringify({
      rigs: brief,
      create: 'mutation { createRig(input: {rigId: 1, name: "one"}) { rig { rigId } } }',
      wide: "subscription { sessionChanged { kind } }",
    }),
  );
  vi.stubEnv("HOLDFAST_DOCUMENTS", documents);
  vi.stubEnv("HOLDFAST_DOCUMENTS_ONLY", "on");
  vi.stubEnv("HOLDFAST_MAX_SUBSCRIPTIONS", "2");
  place = await openPlace({ environment: { HOLDFAST_TOKENS: tokens } });
  vi.unstubAllEnvs();
});

const bearer = ({ token }: { readonly token: string }) => ({ Authorization: `Bearer ${token}` });
const client = (connectionParams: Record<string, unknown>, closed: unknown[] = []) =>
  place.client({ connectionParams, on: { closed: (event) => closed.push(event) } });

describe("a token", () => {
  it("is needed, in the first message or at the upgrade", async () => {
    const closed: unknown[] = [];
    const without = await follow(place, brief, { client: client({}, closed) });
    await without.ended;
    expect(closed).toMatchObject([{ code: 4401, reason: "This server needs a token." }]);
    const wrong = new WebSocket(
      `${place.service.url.replace("http", "ws")}/graphql`,
      "graphql-transport-ws",
      { headers: { authorization: "Bearer hf_wrong" } },
    );
    const [error] = await once(wrong, "error");
    expect(error.message).toContain("401");
    const socket = new WebSocket(
      `${place.service.url.replace("http", "ws")}/graphql`,
      "graphql-transport-ws",
      { headers: bearer(reader) },
    );
    await once(socket, "open");
    socket.send('{"type":"connection_init"}');
    const [message] = await once(socket, "message");
    expect(JSON.parse(String(message))).toEqual({ type: "connection_ack" });
    socket.close();
    for (const params of [
      bearer(reader),
      { authorization: bearer(reader).Authorization },
      { headers: bearer(reader) },
    ]) {
      const followed = await follow(place, brief, { client: client(params) });
      expect(followed.errors).toEqual([]);
      followed.stop();
      await expect.poll(() => place.service.changes.subscriptions).toBe(0);
    }
    const refused = await events(place, { query: brief }).begun;
    expect(refused.status).toBe(401);
    await refused.text();
  });

  it("does on a socket what it does elsewhere", async () => {
    const ask = async (token: { readonly token: string }, query: string) => {
      for await (const result of client(bearer(token)).iterate({ query })) return result as Answer;
    };
    const create = 'mutation { createRig(input: {rigId: 1, name: "one"}) { rig { rigId } } }';
    expect((await ask(reader, create)).errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
    expect((await ask(writer, create)).data).toEqual({ createRig: { rig: { rigId: 1 } } });
    await expect(ask(writer, "{ __typename }")).rejects.toMatchObject([
      { extensions: { code: "FORBIDDEN", setting: "HOLDFAST_DOCUMENTS_ONLY" } },
    ]);
  });

  it("that is revoked ends what it began, and nothing else", async () => {
    const closed: unknown[] = [];
    const revoked = await follow(place, brief, { client: client(bearer(passing), closed) });
    const stream = events(place, { documentId: "rigs" }, { headers: bearer(passing) });
    await stream.begun;
    writeFileSync(tokens, reader.line + writer.line, { mode: 0o600 });
    await revoked.ended;
    expect(closed).toMatchObject([{ code: 4401, reason: "The token is not known, or has expired." }]);
    expect(await stream.ended).toBe(true);
    expect(stream.got).toMatchObject([{ errors: [{ extensions: { code: "UNAUTHENTICATED" } }] }]);
    await expect.poll(() => place.service.changes.subscriptions).toBe(0);
    const stays = await follow(place, brief, { client: client(bearer(reader)) });
    const sql = await stranger(place.databaseUrl);
    await sql.query("update lab.rig set name = 'two'");
    expect(await stays.until(1)).toEqual([{ kind: "UPDATED" }]);
    stays.stop();
  });
});

describe("a service", () => {
  it("has so many subscriptions at most, of all clients", async () => {
    const own = client(bearer(reader));
    const two = [
      await follow(place, brief, { client: own }),
      await follow(place, "subscription { sessionChanged { kind } }", { client: own }),
    ];
    const beyond = await follow(place, brief, { client: own });
    await beyond.ended;
    expect(beyond.errors).toMatchObject([
      {
        message: expect.stringContaining("2"),
        extensions: { code: "LIMIT_EXCEEDED", limit: 2, setting: "HOLDFAST_MAX_SUBSCRIPTIONS" },
      },
    ]);
    for (const each of two) each.stop();
  });
});

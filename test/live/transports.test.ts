/** Both transports as their clients speak them: graphql-ws, graphql-sse, a browser's EventSource, and what is refused. */

import { once } from "node:events";
import { request } from "node:http";
import { createClient as createEventClient } from "graphql-sse";
import { beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { events } from "./events.ts";
import { type Answer, follow, openPlace, type Place, sdl, stranger } from "./laboratory.ts";

let place: Place;
let sql: Awaited<ReturnType<typeof stranger>>;

beforeAll(async () => {
  place = await openPlace({
    environment: {
      HOLDFAST_MAX_SOCKET_OPERATIONS: "3",
      HOLDFAST_MAX_LIVE_CONNECTIONS: "8",
      HOLDFAST_BODY_LIMIT: "20000",
    },
  });
  sql = await stranger(place.databaseUrl);
});

const brief = "subscription { sessionChanged { kind session { sessionId } } }";
const insert = (id: number) =>
  sql.query(`insert into lab.session (session_id, title, mood) values (${id}, 'x', 'CALM')`);

function socketUrl(path = "/graphql"): string {
  return `${place.service.url.replace("http", "ws")}${path}`;
}

/** How an upgrade is answered: 101, or the refusal with its body. */
async function upgrade(
  headers: Record<string, string>,
  path = "/graphql",
): Promise<{ status: number; body: Answer }> {
  const url = new URL(path, place.service.url);
  const asked = request(url, {
    headers: {
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      "sec-websocket-protocol": "graphql-transport-ws",
      ...headers,
    },
  });
  asked.end();
  const answered = await Promise.race([
    once(asked, "upgrade").then(([, socket]) => {
      socket.destroy();
      return { status: 101, body: undefined };
    }),
    once(asked, "response").then(async ([response]) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      return { status: response.statusCode as number, body: text.startsWith("{") ? JSON.parse(text) : text };
    }),
  ]);
  return answered;
}

describe("a WebSocket", () => {
  it("runs queries and mutations too, numbers exact", async () => {
    const client = place.client();
    const ask = async (query: string) => {
      for await (const result of client.iterate({ query })) return result as Answer;
    };
    expect(
      await ask(
        `mutation { createSession(input: {sessionId: 1, title: "x", mood: CALM, weight: 1.5, big: "9007199254740993"}) { session { sessionId weight big } } }`,
      ),
    ).toEqual({
      data: { createSession: { session: { sessionId: 1, weight: 1.5, big: "9007199254740993" } } },
    });
    expect(await ask('{ session(sessionId: 1) { title } __type(name: "Rig") { name } }')).toEqual({
      data: { session: { title: "x" }, __type: { name: "Rig" } },
    });
    await expect(ask("{ nothing }")).rejects.toMatchObject([
      { extensions: { code: "GRAPHQL_VALIDATION_FAILED" } },
    ]);
    await expect(ask("{")).rejects.toMatchObject([{ extensions: { code: "GRAPHQL_PARSE_FAILED" } }]);
    await expect(ask("subscription { sessionChanged { kind } rigChanged { kind } }")).rejects.toMatchObject([
      { message: expect.stringContaining("one top level field") },
    ]);
    await expect(
      ask("subscription { sessionChanged(where: {sessionId: {eq: null}}) { kind } }"),
    ).rejects.toMatchObject([{ extensions: { code: "BAD_USER_INPUT" } }]);
    await expect(ask("subscription { sessionChanged @skip(if: true) { kind } }")).rejects.toMatchObject([
      { message: expect.stringContaining("skip") },
    ]);
  });

  it("has many subscriptions, up to a limit that is named, and ends each by itself", async () => {
    const client = place.client({ lazy: false });
    const all = [];
    for (let n = 0; n < 3; n++) all.push(await follow(place, brief, { client }));
    const beyond = await follow(place, brief, { client });
    await beyond.ended;
    expect(beyond.errors).toMatchObject([
      {
        message: expect.stringContaining("3"),
        extensions: { code: "LIMIT_EXCEEDED", setting: "HOLDFAST_MAX_SOCKET_OPERATIONS" },
      },
    ]);
    all[0]?.stop();
    await insert(10);
    expect(await all[1]?.until(1)).toEqual([{ kind: "CREATED", session: { sessionId: 10 } }]);
    expect(await all[2]?.until(1)).toEqual([{ kind: "CREATED", session: { sessionId: 10 } }]);
    expect(all[0]?.got).toEqual([]);
    for (const each of all) each.stop();
    await client.dispose();
    await expect.poll(() => place.service.changes.subscriptions).toBe(0);
  });

  it("is refused where page, host, path or protocol are not ours", async () => {
    expect((await upgrade({})).status).toBe(101);
    expect((await upgrade({ origin: place.service.url })).status).toBe(101);
    expect(await upgrade({ origin: "http://evil.example" })).toMatchObject({
      status: 403,
      body: { errors: [{ extensions: { code: "FORBIDDEN", field: "Origin" } }] },
    });
    expect((await upgrade({ origin: "null" })).status).toBe(403);
    expect(await upgrade({ host: "evil.example" })).toMatchObject({
      status: 421,
      body: { errors: [{ extensions: { code: "HOST_NOT_ALLOWED" } }] },
    });
    expect((await upgrade({}, "/system/graphql")).status).toBe(101);
    expect((await upgrade({}, "/tus")).status).toBe(404);
    expect((await upgrade({ "sec-websocket-protocol": "graphql-ws" })).status).toBe(101);
    expect((await upgrade({ "sec-websocket-version": "7" })).status).toBe(400);
    const old = new WebSocket(socketUrl());
    const [code] = await once(old, "close");
    expect(code).toBe(4406);
  });

  it("is not what a request means that offers another upgrade", async () => {
    const asked = request(`${place.service.url}/graphql?query={__typename}`, {
      headers: {
        connection: "Upgrade, HTTP2-Settings",
        upgrade: "h2c",
        "http2-settings": "AAMAAABkAAQAAP__",
        "apollo-require-preflight": "1",
      },
    });
    asked.end();
    const [response] = await once(asked, "response");
    let text = "";
    for await (const chunk of response) text += chunk;
    expect(JSON.parse(text)).toEqual({ data: { __typename: "Query" } });
  });

  it("is ended for messages that are none, too large, or come before the first", async () => {
    for (const [message, expected] of [
      ["nonsense", 4400],
      ['{"type":"subscribe","id":"1","payload":{"query":"{__typename}"}}', 4401],
      ["x".repeat(30_000), 1009],
    ] as const) {
      const socket = new WebSocket(socketUrl(), "graphql-transport-ws");
      await once(socket, "open");
      socket.send(message);
      const [code] = await once(socket, "close");
      expect(code, message.slice(0, 20)).toBe(expected);
    }
  });

  it("takes no more connections than the limit, in the words of the limit", async () => {
    await expect.poll(async () => (await upgrade({})).status).toBe(101);
    const sockets = [];
    for (let n = 0; n < 8; n++) {
      const socket = new WebSocket(socketUrl(), "graphql-transport-ws");
      await once(socket, "open");
      sockets.push(socket);
    }
    expect(await upgrade({})).toMatchObject({
      status: 429,
      body: {
        errors: [
          { extensions: { code: "RATE_LIMITED", limit: 8, setting: "HOLDFAST_MAX_LIVE_CONNECTIONS" } },
        ],
      },
    });
    const stream = await events(place, { query: brief }).begun;
    expect(stream.status).toBe(429);
    await stream.text();
    for (const socket of sockets) {
      socket.close();
      await once(socket, "close");
    }
  });
});

describe("an event stream", () => {
  it("is what graphql-sse's client expects", async () => {
    const client = createEventClient({ url: `${place.service.url}/graphql`, retryAttempts: 0 });
    const got: Answer[] = [];
    const before = place.service.changes.begun;
    const done = Promise.withResolvers<void>();
    const stop = client.subscribe(
      { query: brief },
      {
        next: (result) => {
          got.push(result);
          if (got.length === 2) stop();
        },
        error: (error) => done.reject(error),
        complete: () => done.resolve(),
      },
    );
    await expect.poll(() => place.service.changes.begun).toBe(before + 1);
    await insert(20);
    await insert(21);
    await done.promise;
    expect(got).toEqual(
      [20, 21].map((sessionId) => ({
        data: { sessionChanged: { kind: "CREATED", session: { sessionId } } },
      })),
    );
    const answers: Answer[] = [];
    for await (const answer of client.iterate({ query: "{ session(sessionId: 20) { title } }" }))
      answers.push(answer);
    expect(answers).toEqual([{ data: { session: { title: "x" } } }]);
    client.dispose();
    await expect.poll(() => place.service.changes.subscriptions).toBe(0);
  });

  it("carries event ids, by which an EventSource goes on by itself", async () => {
    const first = events(place, { query: brief });
    await first.begun;
    await insert(30);
    await insert(31);
    await first.until(2);
    first.stop();
    await insert(32);
    const resumed = await fetch(`${place.service.url}/graphql?query=${encodeURIComponent(brief)}`, {
      headers: { accept: "text/event-stream", "last-event-id": first.ids[0] ?? "" },
    });
    expect(resumed.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    let text = "";
    for await (const chunk of resumed.body ?? []) {
      text += Buffer.from(chunk).toString();
      if (text.includes('"sessionId":32')) break;
    }
    expect([...text.matchAll(/"sessionId":(\d+)/g)].map(([, id]) => id)).toEqual(["31", "32"]);
  });

  it("is refused to pages of other sites, and to mutations by GET; errors of the operation are events", async () => {
    const cross = await events(place, { query: brief }, { headers: { origin: "http://evil.example" } }).begun;
    expect(cross.status).toBe(403);
    await cross.text();
    const refused = events(place, { query: "{ nothing }" });
    expect(await refused.ended).toBe(true);
    expect(refused.got).toMatchObject([{ errors: [{ extensions: { code: "GRAPHQL_VALIDATION_FAILED" } }] }]);
    const mutation = `mutation { createSession(input: {sessionId: 33, title: "x", mood: CALM}) { session { id } } }`;
    const got = await fetch(`${place.service.url}/graphql?query=${encodeURIComponent(mutation)}`, {
      headers: { accept: "text/event-stream" },
    });
    expect(await got.text()).toMatch(/GET/);
    expect((await place.ask("{ session(sessionId: 33) { id } }")).session).toBeNull();
    const empty = events(place, {});
    await empty.ended;
    expect(empty.got).toMatchObject([{ errors: [{ message: expect.any(String) }] }]);
  });

  it("is not forced on clients that name every type they know", async () => {
    const accept = "application/graphql-response+json, application/json, text/event-stream, multipart/mixed";
    const answer = await fetch(`${place.service.url}/graphql`, {
      method: "POST",
      headers: { accept, "content-type": "application/json" },
      body: JSON.stringify({ query: "{ __typename }" }),
    });
    expect(answer.headers.get("content-type")).toContain("json");
    expect(await answer.json()).toEqual({ data: { __typename: "Query" } });
  });

  it("is needed: a subscription as an ordinary request is told how to ask", async () => {
    await expect(place.ask(brief)).rejects.toThrow(/text\/event-stream.*graphql-transport-ws/);
  });
});

describe("a table that is not watched", () => {
  it("is told of with what to do, and is watched again after that", async () => {
    await sql.query("alter table lab.rig disable trigger _holdfast_updated");
    const followed = await follow(place, "subscription { rigChanged { kind } }");
    await followed.ended;
    expect(followed.errors).toMatchObject([
      {
        message: expect.stringContaining("lab.rig"),
        extensions: { code: "SCHEMA_DRIFT", remedy: expect.stringContaining("holdfast apply") },
      },
    ]);
    await sql.query("drop trigger _holdfast_updated on lab.rig");
    const plan = await place.service.engine.plan();
    expect(plan.changes.map(({ kind, table }) => [kind, table])).toEqual([["watch", "lab.rig"]]);
    const untouched = await openPlace({ databaseUrl: place.databaseUrl, apply: "never" });
    expect(untouched.service.engine.problem()).toBeUndefined();
    expect(await untouched.ask("{ rigs { totalCount } }")).toEqual({ rigs: { totalCount: 0 } });
    await place.service.engine.apply({ allowDestructive: false });
    const again = await follow(place, "subscription { rigChanged { kind } }");
    await sql.query("insert into lab.rig values (1, 'one')");
    expect(await again.until(1)).toEqual([{ kind: "CREATED" }]);
    again.stop();
  });
});

describe("a new schema", () => {
  it("ends what was begun with the old one, with a reason, and clients come again", async () => {
    const closed: unknown[] = [];
    const client = place.client({
      retryAttempts: 3,
      retryWait: async () => undefined,
      on: { closed: (event) => closed.push(event) },
    });
    const followed = await follow(place, brief, { client });
    const stream = events(place, { query: brief });
    await stream.begun;
    const { begun } = place.service.changes;
    place.save(sdl.replace("score: Float", "score: Float  note: String"));
    await place.service.engine.follow();
    expect(await stream.ended).toBe(false);
    await expect.poll(() => place.service.changes.begun).toBe(begun + 1);
    expect(closed).toMatchObject([{ code: 1012, reason: expect.stringContaining("schema") }]);
    await insert(40);
    expect(await followed.until(1)).toEqual([{ kind: "CREATED", session: { sessionId: 40 } }]);
    followed.stop();
    const trial = await follow(place, "subscription { trialChanged { trial { note } } }");
    await sql.query("insert into lab.trial (session_id, trial_idx, note) values (40, 1, 'n')");
    expect(await trial.until(1)).toEqual([{ trial: { note: "n" } }]);
    trial.stop();
  });
});

describe("a service that stops", () => {
  it("says so to those who stream", async () => {
    const other = await openPlace({
      databaseUrl: place.databaseUrl,
      sdl: sdl.replace("score: Float", "score: Float  note: String"),
    });
    const closed: unknown[] = [];
    const client = other.client({ on: { closed: (event) => closed.push(event) } });
    const followed = await follow(other, brief, { client });
    const stream = events(other, { query: brief });
    await stream.begun;
    await other.service.close();
    await followed.ended;
    expect(await stream.ended).toBe(false);
    expect(closed).toMatchObject([{ code: 1001 }]);
    const listeners = async () => {
      const found = await sql.query(
        "select from pg_stat_activity where datname = current_database() and application_name = 'holdfast changes'",
      );
      return found.rowCount;
    };
    // PostgreSQL notices a moment later that a connection has ended.
    await expect.poll(listeners).toBe(1);
  });
});

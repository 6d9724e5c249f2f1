import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDerivedFiles } from "../../src/api/derived-files.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { createHttpServer } from "../../src/http/server.ts";
import { createToken, type Right } from "../../src/http/tokens.ts";
import {
  call,
  graphql,
  graphqlServer,
  type Laboratory,
  openLaboratory,
  raw,
  type Served,
} from "./laboratory.ts";

let lab: Laboratory;
let served: Served;
let tokensFile: string;
const tokens: Record<Right, string> = { READ: "", WRITE: "", ADMIN: "" };

beforeAll(async () => {
  lab = await openLaboratory();
  served = await lab.serve();
  const folder = await mkdtemp(join(tmpdir(), "holdfast-server-"));
  afterAll(() => rm(folder, { recursive: true }));
  tokensFile = join(folder, "tokens");
  const made = (["READ", "WRITE", "ADMIN"] as const).map((right) => ({
    right,
    ...createToken({ name: `a ${right}`, right }),
  }));
  for (const { right, token } of made) tokens[right] = token;
  await writeFile(tokensFile, made.map(({ line }) => line).join(""), { mode: 0o600 });
});

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe("on loopback without tokens", () => {
  it("everyone may do everything", async () => {
    expect((await graphql(served.port, "{ name principal rights }")).json.data).toEqual({
      name: "entity",
      principal: "anonymous",
      rights: ["READ", "WRITE", "ADMIN"],
    });
    expect(
      (await graphql(served.port, "mutation { change }", { path: "/system/graphql" })).json.data,
    ).toEqual({ change: 1 });
  });

  it("answers the health endpoints", async () => {
    const body = async (path: string) => JSON.parse((await call(served.port, path)).body.toString());
    expect(await body("/healthz")).toEqual({ status: "ok" });
    expect(await body("/readyz")).toMatchObject({
      status: "ready",
      checks: [{ name: "database", ok: true }],
    });
    expect(await body("/version")).toEqual({ name: "holdfast", version: "9.8.7" });
    for (const path of ["/healthz", "/readyz", "/version"]) {
      expect((await call(served.port, path, { method: "HEAD" })).status).toBe(200);
    }
  });

  it("is unready, with the reason, when something does not work", async () => {
    const broken = await lab.serve({
      checks: async () => [{ name: "store main", ok: false, message: "The folder is gone." }],
    });
    const answer = await call(broken.port, "/readyz");
    expect([answer.status, answer.body.toString()]).toEqual([
      503,
      expect.stringContaining("The folder is gone."),
    ]);
    expect((await call(broken.port, "/healthz")).status).toBe(200);
    const hanging = await lab.serve({ checks: () => new Promise(() => undefined), limits: { checkMs: 50 } });
    expect((await call(hanging.port, "/readyz")).status).toBe(503);
    const throwing = await lab.serve({ checks: () => Promise.reject(new Error("no route to host")) });
    expect((await call(throwing.port, "/readyz")).body.toString()).toContain("no route to host");
  });

  it("answers Apollo's documented health query", async () => {
    const path = "/graphql?query=%7B__typename%7D";
    const answer = await call(served.port, path, { headers: { "apollo-require-preflight": "true" } });
    expect([answer.status, answer.body.toString().trim()]).toEqual([200, '{"data":{"__typename":"Query"}}']);
    expect((await call(served.port, path)).error().extensions.code).toBe("BAD_REQUEST");
  });

  it("makes URLs from the Host that was asked, or from HOLDFAST_URL", async () => {
    const url = async (port: number, headers: Record<string, string> = {}) =>
      (await graphql(port, "{ baseUrl }", { headers })).json.data?.["baseUrl"];
    expect(await url(served.port, { host: "LOCALHOST.:81" })).toBe("http://localhost:81");
    expect(await url(served.port, { host: "[::1]" })).toBe("http://[::1]");
    expect(await url(served.port, { host: "localhost", "x-forwarded-host": "evil.example" })).toBe(
      "http://localhost",
    );
    const behind = await lab.serve({ publicUrl: "https://lab.example/holdfast/" });
    expect(await url(behind.port)).toBe("https://lab.example/holdfast");
  });
});

describe("the Host header", () => {
  it.each(["/healthz", "/graphql", "/d/x/y", "/uploads/x", "/nothing", "/graphiql/page.js"])(
    "is checked at %s",
    async (path) => {
      const answer = await call(served.port, path, { headers: { host: `evil.example:${served.port}` } });
      expect([answer.status, answer.error().extensions.code]).toEqual([421, "HOST_NOT_ALLOWED"]);
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    },
  );

  it("must be there", async () => {
    expect(await raw(served.port, "GET /healthz HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 421 /);
  });

  it("stops a mutation of a rebound page before it runs", async () => {
    const before = (await graphql(served.port, "{ changes }")).json.data;
    expect(
      (await graphql(served.port, "mutation { change }", { headers: { host: "evil.example" } })).status,
    ).toBe(421);
    expect((await graphql(served.port, "{ changes }")).json.data).toEqual(before);
  });
});

describe("cross-origin", () => {
  it.each(["/graphql", "/system/graphql", "/uploads/x", "/healthz", "/version"])(
    "%s allows no other origin",
    async (path) => {
      const headers = {
        origin: "https://evil.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
      };
      const answer = await call(served.port, path, { method: "OPTIONS", headers });
      expect(answer.status).toBe(405);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
    },
  );

  it.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])(
    "a form of type %s changes nothing",
    async (type) => {
      const answer = await call(served.port, "/graphql", {
        method: "POST",
        headers: { "content-type": type },
        body: '{"query":"mutation { change }"}',
      });
      expect([400, 415]).toContain(answer.status);
      expect(answer.error().extensions.code).toBe("BAD_REQUEST");
    },
  );
});

describe("with a tokens file", () => {
  let guarded: Served;
  beforeAll(async () => {
    guarded = await lab.serve({ tokensFile });
  });

  it.each([
    "/graphql",
    "/system/graphql",
    "/readyz",
    "/version",
    "/nothing",
    "/graphiql/x.js",
    "/uploads/11111111-1111-1111-1111-111111111111",
  ])("%s needs a token", async (path) => {
    for (const headers of [
      {},
      bearer("wrong"),
      bearer(`${tokens.READ}x`),
      { authorization: `Basic ${tokens.READ}` },
      { authorization: tokens.READ },
    ]) {
      const answer = await call(guarded.port, path, { headers });
      expect([answer.status, answer.error().extensions.code]).toEqual([401, "UNAUTHENTICATED"]);
      expect(answer.headers["www-authenticate"]).toBe("Bearer");
    }
  });

  it("/healthz and the URLs of capabilities need none", async () => {
    expect((await call(guarded.port, "/healthz")).status).toBe(200);
    expect((await call(guarded.port, "/d/x/y")).status).toBe(404);
    expect((await call(guarded.port, "/uploads/x")).status).toBe(404);
  });

  it.each<[Right, readonly Right[]]>([
    ["READ", ["READ"]],
    ["WRITE", ["READ", "WRITE"]],
    ["ADMIN", ["READ", "WRITE", "ADMIN"]],
  ])("tells both APIs what %s allows", async (right, rights) => {
    for (const path of ["/graphql", "/system/graphql"]) {
      const { json } = await graphql(guarded.port, "{ principal rights }", {
        path,
        headers: bearer(tokens[right]),
      });
      expect(json.data).toEqual({ principal: `a ${right}`, rights });
    }
  });

  it("a token that may only read sends no upload", async () => {
    const path = "/uploads/11111111-1111-1111-1111-111111111111";
    const put = (right: Right) =>
      call(guarded.port, path, { method: "PUT", headers: bearer(tokens[right]), body: "x" });
    expect((await put("READ")).status).toBe(403);
    expect((await put("WRITE")).status).toBe(404);
  });

  it("logs the name of the token, never the token", async () => {
    await graphql(guarded.port, "{ name }", { headers: bearer(tokens.READ) });
    await call(guarded.port, `/nothing?access_token=${tokens.READ}`);
    const log = guarded.log.join("");
    expect(log).toContain('"principal":"a READ"');
    for (const token of Object.values(tokens)) expect(log).not.toContain(token);
  });
});

describe("start", () => {
  const options = () => ({
    host: "127.0.0.1",
    port: 0,
    version: "1",
    logger: pino({ level: "silent" }),
    stores: lab.stores,
    objects: lab.objects,
    readField: () => Promise.reject(new Error("not used")),
    derived: createDerivedFiles(createRegistry([]), lab.objects.reader),
    checks: async () => [],
  });

  it.each(["0.0.0.0", "::", "10.0.0.1", "lab.example"])("on %s is refused without tokens", async (host) => {
    await expect(createHttpServer({ ...options(), host })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { field: "HOLDFAST_TOKENS", remedy: expect.stringContaining("holdfast token create") },
    });
  });

  it("on every address works with tokens", async () => {
    const open = await lab.serve({ host: "0.0.0.0", tokensFile });
    expect((await call(open.port, "/healthz")).status).toBe(200);
    expect((await call(open.port, "/version")).status).toBe(401);
    expect(
      (await call(open.port, "/version", { headers: { ...bearer(tokens.READ), host: "evil.example" } }))
        .status,
    ).toBe(421);
  });

  it("names a busy port, and an address that is not ours", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const busy = await createHttpServer({ ...options(), port });
    await expect(busy.listen()).rejects.toMatchObject({ code: "ADDRESS_IN_USE", details: { value: port } });
    other.close();
    const foreign = await createHttpServer({ ...options(), host: "192.0.2.1", tokensFile });
    await expect(foreign.listen()).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { field: "HOST" },
    });
  });

  it("refuses a bad HOLDFAST_URL", async () => {
    for (const publicUrl of ["lab.example", "ftp://lab.example", "http://x/?a=1"]) {
      await expect(createHttpServer({ ...options(), publicUrl })).rejects.toMatchObject({
        details: { field: "HOLDFAST_URL" },
      });
    }
  });
});

describe("requests that go wrong", () => {
  const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    call(served.port, "/graphql", {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });

  it("a document of 10 MB is refused, and the limit named", async () => {
    const body = Buffer.from(JSON.stringify({ query: `{ name } #${"x".repeat(10_000_000)}` }));
    for (const answer of [
      await post(body, { "content-length": String(body.length) }),
      await post(body, { "transfer-encoding": "chunked" }),
    ]) {
      expect(answer.status).toBe(413);
      expect(answer.error().extensions).toMatchObject({
        code: "LIMIT_EXCEEDED",
        setting: "HOLDFAST_BODY_LIMIT",
        limit: 8_388_608,
      });
    }
    expect((await graphql(served.port, "{ name }")).status).toBe(200);
  });

  it.each([
    "{",
    "",
    "nonsense",
    '{"query":',
    "\u0000",
    '{"query":"{name}","variables":{"__proto__":{"x":1}}}',
  ])("the body %j is a 400", async (body) => {
    const answer = await post(body);
    expect([answer.status, answer.error().extensions.code]).toEqual([400, "BAD_REQUEST"]);
  });

  it("a missing or unknown media type is told", async () => {
    for (const headers of [{}, { "content-type": "image/png" }, { "content-type": "bad" }]) {
      const answer = await call(served.port, "/graphql", { method: "POST", headers, body: "{}" });
      expect([answer.status, answer.error().extensions.code]).toEqual([415, "BAD_REQUEST"]);
    }
  });

  it("an unknown path is a 404, a wrong method a 405, both in JSON", async () => {
    for (const path of [
      "/",
      "/graphqlx",
      "/d",
      "/uploads",
      "/measures",
      "/graphql/",
      "//",
      "/%2e%2e/etc/passwd",
    ]) {
      const answer = await call(served.port, path);
      expect([path, answer.status, answer.error().extensions.code]).toEqual([path, 404, "NOT_FOUND"]);
    }
    const wrong = await call(served.port, "/graphql", { method: "DELETE" });
    expect([wrong.status, wrong.headers.allow]).toEqual([405, "GET, POST"]);
  });

  it("a URL, headers or bytes that are no request get JSON as well", async () => {
    expect((await call(served.port, `/healthz?${"x".repeat(17_000)}`)).status).toBe(414);
    const large = await call(served.port, "/healthz", { headers: { "x-large": "x".repeat(40_000) } });
    expect([large.status, large.error().extensions.code]).toEqual([431, "BAD_REQUEST"]);
    expect(await raw(served.port, "nonsense\r\n\r\n")).toMatch(
      /^HTTP\/1\.1 400 .*application\/json.*BAD_REQUEST/s,
    );
    expect((await call(served.port, "/d/%zz/x")).status).toBe(400);
  });

  it("a body that trickles in is cut off; a long stream is not", async () => {
    const strict = await lab.serve({ limits: { bodyMs: 100 } });
    const answer = await raw(
      strict.port,
      "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    );
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*BAD_REQUEST/s);
    async function* slowly(): AsyncIterable<Uint8Array> {
      for (let piece = 0; piece < 8; piece += 1) {
        await sleep(50);
        yield Buffer.from("x");
      }
    }
    const upload = await lab.objects.uploads.create({
      target: { store: "main", addressing: "schema", schema: "lab", table: "t", column: "c", key: [] },
      field: "T.c",
      kind: "FILE",
      filename: "a",
    });
    expect((await call(strict.port, `/uploads/${upload.id}`, { method: "PUT", body: slowly() })).status).toBe(
      201,
    );
  });

  it("a connection on which nothing moves is ended", async () => {
    const strict = await lab.serve({ limits: { idleMs: 200 } });
    const started = performance.now();
    await raw(strict.port, "POST /uploads/x HTTP/1.1\r\nHost: localhost\r\n");
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it("what is unforeseen is masked, and the log has it under the id", async () => {
    const broken = await lab.serve({ readField: () => Promise.reject(new Error("the secret is 42")) });
    const capability = lab.objects.capabilities.sign({
      kind: "field",
      schema: "s",
      table: "t",
      column: "c",
      key: [["k", "1"]],
    });
    const answer = await call(broken.port, `/d/${capability}/a`);
    expect([answer.status, answer.error().extensions.code]).toEqual([500, "INTERNAL_SERVER_ERROR"]);
    expect(answer.body.toString()).not.toContain("secret is");
    const id = answer.headers["x-request-id"];
    expect(answer.error().extensions["id"]).toBe(id);
    expect(
      broken.log.find((line) => line.includes(String(id)) && line.includes("the secret is 42")),
    ).toBeDefined();
  });
});

describe("changing over and closing", () => {
  it("mounts another API while a request of the old one runs", async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const first = await graphqlServer("first", gate);
    const changing = await lab.serve({ entityApi: first });
    const slow = graphql(changing.port, "{ slow }");
    await sleep(100);
    let isIdle = false;
    const changed = changing.server.mountEntityApi(await graphqlServer("second")).then(() => {
      isIdle = true;
    });
    expect((await graphql(changing.port, "{ name }")).json.data).toEqual({ name: "second" });
    expect(isIdle).toBe(false);
    open();
    expect((await slow).json.data).toEqual({ slow: "first" });
    await changed;
    expect(isIdle).toBe(true);
  });

  it("lets running requests finish, and takes no more connections", async () => {
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const closing = await lab.serve({ entityApi: await graphqlServer("last", gate) });
    const slow = graphql(closing.port, "{ slow }");
    await sleep(100);
    const closed = closing.server.close();
    await sleep(50);
    await expect(call(closing.port, "/healthz")).rejects.toThrow(/ECONNREFUSED/);
    open();
    expect((await slow).json.data).toEqual({ slow: "last" });
    await closed;
  });

  it("ends what does not finish in time", async () => {
    const closing = await lab.serve({
      entityApi: await graphqlServer("never", new Promise(() => undefined)),
      limits: { drainMs: 200 },
    });
    const never = graphql(closing.port, "{ slow }");
    const idle = connect(closing.port, "127.0.0.1");
    await sleep(100);
    const started = performance.now();
    const [outcome] = await Promise.allSettled([never, closing.server.close()]);
    expect(outcome.status).toBe("rejected");
    expect(performance.now() - started).toBeLessThan(3000);
    idle.destroy();
  });
});

/** Keys of stores, passwords and tokens: whatever goes wrong, nothing that the service says has them in it. */

import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type RunningService, startHoldfast } from "../acceptance/support/process.ts";

// Commands of their own, one after the other.
vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-secrets-"));
const dataFolder = join(folder, "data");
const schema = join(folder, "stores.graphql");
let service: RunningService;
/** A server that answers what a careless one does: it repeats what it was sent. */
const echo = createServer((socket) => {
  socket.on("error", () => undefined);
  socket.once("data", (data) => {
    const body = `<Error><Code>AccessDenied</Code><Message>${data.toString("latin1").replace(/[<>&]/g, "")}</Message></Error>`;
    socket.end(
      `HTTP/1.1 403 Forbidden\r\nContent-Type: application/xml\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
});
const secrets = {
  secretKey: `sk${randomBytes(16).toString("hex")}`,
  echoedKey: `ek${randomBytes(16).toString("hex")}`,
  fileKey: `fk${randomBytes(16).toString("hex")}`,
  proxyPassword: `pw${randomBytes(12).toString("hex")}`,
  databasePassword: `db${randomBytes(12).toString("hex")}`,
};
const said: string[] = [];
let stores: Record<string, unknown>;

/** Asks, and keeps the whole answer. */
async function ask(path: string, query: string, variables: object = {}): Promise<string> {
  const response = await fetch(`${service.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const text = `${JSON.stringify([...response.headers])}${await response.text()}`;
  said.push(text);
  return text;
}

/** Runs a command beside the servers of this process, which it may ask. */
async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "../../dist/src/cli/holdfast.js"), ...args],
    {
      cwd: folder,
      env: { ...process.env, DATABASE_URL: "", PGHOST: "", HOLDFAST_DATA: dataFolder, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (piece: Buffer) => {
      text += piece.toString();
    });
  await new Promise((done) => child.once("close", done));
  said.push(text);
  return text;
}

beforeAll(async () => {
  await new Promise<void>((done) => echo.listen(0, "127.0.0.1", done));
  const address = echo.address();
  const port = typeof address === "object" ? address?.port : 0;
  const s3 = { protocol: "s3", bucket: "lab", location: "", access_key: "AKIDEXAMPLE" };
  stores = {
    default: "main",
    main: { protocol: "file", location: join(dataFolder, "own") },
    closed: { ...s3, endpoint: "http://127.0.0.1:1", secret_key: secrets.secretKey },
    echo: { ...s3, endpoint: `http://127.0.0.1:${port}`, secret_key: secrets.echoedKey },
  };
  mkdirSync(join(dataFolder, "own"), { recursive: true });
  writeFileSync(
    schema,
    `extend schema @database(schema: "lab")
     type Item @table {
       itemId: Int! @key
       away: File @codec(name: "hash", store: "closed")
       refused: File @codec(name: "hash", store: "echo")
     }`,
  );
  const env = { DJ_STORES: JSON.stringify(stores), LOG_LEVEL: "trace" };
  service = await startHoldfast(["--schema", schema, "--data", dataFolder, "--port", "0", "--no-sample"], {
    cwd: folder,
    env,
  });
});

afterAll(async () => {
  await service?.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
  await new Promise((done) => echo.close(done));
});

describe("a service whose stores do not answer", () => {
  it("is asked for everything that touches them", async () => {
    expect(
      await ask(
        "/system/graphql",
        "{ stores { name location isDefault } health { checks { name ok message } } }",
      ),
    ).toContain("closed");
    for (const name of ["closed", "echo"])
      expect(
        await ask("/system/graphql", `mutation { verifyStore(name: "${name}") { name ok message } }`),
      ).toMatch(/IDENTITY|errors/);
    await ask(
      "/system/graphql",
      "{ model { source apiSdl } plan { sql } drift { message } codecs { name } }",
    );
    const doubts = "doubts { code store subject message remedy }";
    for (const run of ["collect(input: {apply: true})", "fsck(input: {scrub: 1})"])
      expect(await ask("/system/graphql", `mutation { run: ${run} { ${doubts} report } }`)).toContain(
        "closed",
      );
    said.push(await (await fetch(`${service.url}/metrics`)).text());
    const ready = await fetch(`${service.url}/readyz`);
    said.push(await ready.text());
    expect(ready.status).toBe(503);
  });

  it("and its commands are run", async () => {
    const env = { DJ_STORES: JSON.stringify(stores) };
    expect(await run(["stores", "verify", "closed"], env)).toContain("closed");
    expect(await run(["stores", "verify", "echo"], env)).toContain("echo");
    expect(await run(["gc", "--apply", "--confirm"], env)).toContain("closed");
    expect(await run(["fsck"], env)).toContain("closed");
    await run(["doctor"], env);
    await run(["inspect"], env);
  });

  it("tells no key, in answers, headers, output or log, whatever the level", () => {
    const all = [...said, service.log()].join("\n");
    expect(all).toContain("closed");
    expect(all.length).toBeGreaterThan(2000);
    for (const [name, secret] of Object.entries(secrets)) expect(all.includes(secret), name).toBe(false);
  });
});

describe("a configuration that is wrong", () => {
  const wrong = (store: object) =>
    run(["start", "--no-sample", "--port", "0", "--schema", schema], {
      HOLDFAST_DATA: join(folder, "other"),
      DJ_STORES: JSON.stringify({ default: "main", main: store }),
    });
  const s3 = {
    protocol: "s3",
    endpoint: "h",
    bucket: "b",
    location: "",
    access_key: "AKIDEXAMPLE",
    secret_key: secrets.fileKey,
  };

  it.each<[string, object]>([
    ["an unknown key beside it", { ...s3, colour: "red" }],
    ["a key where none belongs", { protocol: "file", location: "/x", secret_key: secrets.fileKey }],
    ["a secret without its name", { ...s3, access_key: undefined }],
    ["a secret that is a list", { ...s3, secret_key: [secrets.fileKey] }],
    ["a secret under another name", { ...s3, secret_key: undefined, secretkey: secrets.fileKey }],
    ["a proxy that is none", { ...s3, proxy_server: `ftp://u:${secrets.proxyPassword}@proxy` }],
    ["an endpoint with a password", { ...s3, endpoint: `http://u:${secrets.proxyPassword}@h` }],
  ])("%s: told without the secret", async (_name, store) => {
    const text = await wrong(store);
    expect(text).toMatch(/stores\.main|main/);
    for (const [name, secret] of Object.entries(secrets)) expect(text.includes(secret), name).toBe(false);
  });

  it("a database URL with a password is told without it", async () => {
    for (const url of [
      `postgresql://u:${secrets.databasePassword}@127.0.0.1:1/x`,
      `mysql://u:${secrets.databasePassword}@127.0.0.1/x`,
      `postgresql://u:${secrets.databasePassword}@no.such.host.invalid/x`,
    ]) {
      const text = await run(["start", "--no-sample", "--port", "0", "--schema", schema], {
        HOLDFAST_DATA: join(folder, "other"),
        DATABASE_URL: url,
      });
      expect(text.length).toBeGreaterThan(20);
      expect(text).not.toContain(secrets.databasePassword);
    }
  });
});

describe("tokens", () => {
  it("are kept as digests, and never logged", async () => {
    const file = join(folder, "tokens");
    const out = await run(["token", "create", "reader"], { HOLDFAST_TOKENS: file });
    const token = /[A-Za-z0-9_-]{30,}/.exec(out)?.[0] ?? "";
    expect(token.length).toBeGreaterThan(29);
    expect(readFileSync(file, "utf8")).not.toContain(token);
    await fetch(`${service.url}/graphql?token=${token}`, { headers: { authorization: `Bearer ${token}` } });
    expect(service.log()).not.toContain(token);
  });
});

/** How an S3 store is reached: the machine's own credentials and their renewal, proxies, certificates, clocks. */

import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, request as send } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { StoreDriver } from "../../src/store/contract.ts";
import { createS3Driver } from "../../src/store/s3.ts";
import { verifyStore } from "../../src/store/verify.ts";
import { bodyOf, codeOf, collect } from "../contract/store.ts";
import { type FaultProxy, startProxy } from "./support/proxy.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

let server: S3Server;
let proxy: FaultProxy;
let folder: string;
let count = 0;
const servers: Server[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-s3-settings-"));
  server = await startS3();
  proxy = await startProxy(server.endpoint);
});
afterAll(async () => {
  for (const each of servers) each.close();
  await proxy.close();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => vi.unstubAllEnvs());

async function listening(made: Server): Promise<string> {
  servers.push(made);
  made.listen(0, "127.0.0.1");
  await once(made, "listening");
  const address = made.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return `http://127.0.0.1:${address.port}`;
}

const limits = { attempts: 2, stallMs: 3_000, connectMs: 2_000 };
const text = (content: string) => bodyOf(Buffer.from(content));

/** The driver without keys in its configuration, on a machine that has none but those of `environment`. */
function ambient(environment: Record<string, string>): StoreDriver {
  const none = join(folder, "none");
  const plain = {
    AWS_SHARED_CREDENTIALS_FILE: none,
    AWS_CONFIG_FILE: none,
    HOME: folder,
    AWS_EC2_METADATA_DISABLED: "true",
  };
  for (const [name, value] of Object.entries({ ...plain, ...environment })) vi.stubEnv(name, value);
  const { endpoint } = proxy;
  const config = storeOn(server, `ambient${count++}`, {
    endpoint,
    access_key: undefined,
    secret_key: undefined,
  });
  return createS3Driver(config, limits);
}

async function works(driver: StoreDriver): Promise<void> {
  await driver.put("a/key", text("content"));
  expect((await collect((await driver.get("a/key"))?.body ?? text(""))).toString()).toBe("content");
}

describe("the machine's own credentials", () => {
  test("come from the environment", async () => {
    const { accessKey, secretKey } = server;
    await works(ambient({ AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey }));
  });

  test("send their session token; a server that does not take it is told so, and is learned nothing of", async () => {
    const { accessKey, secretKey } = server;
    const keys = { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey };
    proxy.seen.length = 0;
    const driver = ambient({ ...keys, AWS_SESSION_TOKEN: "session" });
    for (const work of [() => driver.put("a", text("x")), () => driver.head("a"), () => driver.get("a")]) {
      const error: unknown = await work().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        code: "STORE_UNAVAILABLE",
        message: expect.stringMatching(/does not take the session token|does not know the access key/),
      });
    }
    expect([...new Set(proxy.seen.map(({ headers }) => headers["x-amz-security-token"]))]).toEqual([
      "session",
    ]);
    const disposition = "attachment";
    const url = (await driver.presign?.("a", { expiresInSeconds: 60, disposition })) ?? "";
    expect(new URL(url).searchParams.get("X-Amz-Security-Token")).toBe("session");
  });

  test("come from the shared files, by profile", async () => {
    const file = join(folder, "credentials");
    const { accessKey, secretKey } = server;
    await writeFile(
      file,
      `[default]\naws_access_key_id = wrong\naws_secret_access_key = wrong\n[lab]\naws_access_key_id = ${accessKey}\naws_secret_access_key = ${secretKey}\n`,
    );
    await works(ambient({ AWS_SHARED_CREDENTIALS_FILE: file, AWS_PROFILE: "lab" }));
  });

  /** What metadata services answer. */
  const told = (over: object, minutes: number) => ({
    Code: "Success",
    Type: "AWS-HMAC",
    AccessKeyId: server.accessKey,
    SecretAccessKey: server.secretKey,
    // The server of these tests takes none.
    Token: "",
    Expiration: new Date(Date.now() + minutes * 60_000).toISOString(),
    ...over,
  });

  test("come from the container, are asked for with its token, kept, and renewed before they expire", async () => {
    let asked = 0;
    const answer = () => told({}, 60);
    const authorized: unknown[] = [];
    const container = await listening(
      createServer((request, response) => {
        asked += 1;
        authorized.push(request.headers.authorization);
        response.end(JSON.stringify(answer()));
      }),
    );
    const driver = ambient({
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${container}/credentials`,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: "Basic container",
    });
    await works(driver);
    expect(asked).toBe(1);
    expect(authorized).toEqual(["Basic container"]);
    // Half an hour before they expire nothing is asked; two minutes before, it is.
    for (const [minutes, times] of [
      [30, 1],
      [58, 2],
    ] as const) {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + minutes * 60_000 });
      try {
        await driver.head("a/key");
      } finally {
        vi.useRealTimers();
      }
      expect(asked).toBe(times);
    }
    expect(await driver.head("a/key")).toBeDefined();
  });

  test("that were wrong are replaced once the machine is given others", async () => {
    let answer: object = told({ SecretAccessKey: "wrong" }, 1);
    const container = await listening(
      createServer((_, response) => void response.end(JSON.stringify(answer))),
    );
    const driver = ambient({ AWS_CONTAINER_CREDENTIALS_FULL_URI: container });
    const error: unknown = await driver.head("a").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringMatching(/refuses the signature/),
    });
    answer = told({}, 60);
    await vi.waitFor(() => works(driver));
  });

  test("come from the machine's metadata service", async () => {
    const seen: string[] = [];
    const machine = await listening(
      createServer((request, response) => {
        seen.push(`${request.method} ${request.url}`);
        const isAllowed = request.method === "PUT" || request.headers["x-aws-ec2-metadata-token"] === "imds";
        if (!isAllowed) response.writeHead(401).end();
        else if (request.url === "/latest/api/token") response.end("imds");
        else if (request.url?.endsWith("/security-credentials/")) response.end("lab-role");
        else response.end(JSON.stringify(told({}, 60)));
      }),
    );
    await works(ambient({ AWS_EC2_METADATA_SERVICE_ENDPOINT: machine, AWS_EC2_METADATA_DISABLED: "" }));
    expect(seen).toEqual([
      "PUT /latest/api/token",
      "GET /latest/meta-data/iam/security-credentials/",
      "GET /latest/meta-data/iam/security-credentials/lab-role",
    ]);
  });

  test("that there are none is told with the remedy", async () => {
    const error: unknown = await ambient({})
      .head("a")
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringMatching(/is given no credentials/),
    });
  });
});

describe("proxy_server", () => {
  /** A forwarding proxy as they stand in laboratories: absolute URLs for http, tunnels for https. */
  async function forwarding(password?: string): Promise<{ url: string; seen: string[] }> {
    const seen: string[] = [];
    const wanted = password && `Basic ${Buffer.from(`lab:${password}`).toString("base64")}`;
    const isAllowed = ({ headers }: IncomingMessage): boolean =>
      wanted === undefined || headers["proxy-authorization"] === wanted;
    const made = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      if (!isAllowed(request)) return void response.writeHead(407).end();
      const { method, headers } = request;
      const out = send(request.url ?? "", { method, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      out.on("error", () => response.destroy());
      request.pipe(out);
    });
    made.on("connect", (request, socket) => {
      seen.push(`CONNECT ${request.url}`);
      if (!isAllowed(request)) return void socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      const [host = "", port = ""] = (request.url ?? "").split(":");
      const out = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        out.pipe(socket).pipe(out);
      });
      for (const end of [out, socket]) end.on("error", () => end.destroy());
    });
    return { url: await listening(made), seen };
  }

  test("carries everything, parts and deletions that expire too", async () => {
    const { url, seen } = await forwarding();
    const config = storeOn(server, "proxied", { proxy_server: url });
    const findings = await verifyStore({ config, driver: createS3Driver(config, limits) });
    expect(findings.filter(({ ok }) => !ok)).toEqual([]);
    for (const method of ["GET", "PUT", "DELETE", "HEAD", "POST"])
      expect(seen.some((line) => line.startsWith(`${method} ${server.endpoint}/`))).toBe(true);
  });

  test("is given its password, and refusing it is told", async () => {
    const { url } = await forwarding("secret word");
    const withPassword = url.replace("//", "//lab:secret%20word@");
    await works(createS3Driver(storeOn(server, "authorized", { proxy_server: withPassword }), limits));
    const without = createS3Driver(storeOn(server, "authorized", { proxy_server: url }), limits);
    expect(await codeOf(without.head("a/key"))).toBe("STORE_UNAVAILABLE");
  });

  test("that is away is told, and never passed by", async () => {
    const away = createS3Driver(storeOn(server, "x", { proxy_server: "http://127.0.0.1:9" }), limits);
    expect(await codeOf(away.head("a"))).toBe("STORE_UNAVAILABLE");
  });

  test("tunnels TLS, which stays between the service and the store", async () => {
    const secure = await startSecure();
    try {
      const { url, seen } = await forwarding();
      vi.stubEnv("AWS_CA_BUNDLE", secure.ca);
      await works(createS3Driver(storeOn(secure.server, "tunnelled", { proxy_server: url }), limits));
      expect([...new Set(seen)]).toEqual([`CONNECT ${secure.server.endpoint.slice("https://".length)}`]);
    } finally {
      await secure.server.close();
    }
  });
});

/** A server whose certificate an authority of our own has signed. */
async function startSecure(): Promise<{ server: S3Server; ca: string }> {
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void =>
    void execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
  const key = ["-newkey", "rsa:2048", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    at("ca.key"),
    "-out",
    at("ca.pem"),
    "-days",
    "2",
    "-subj",
    "/CN=lab",
  );
  openssl("req", ...key, "-keyout", at("s3.key"), "-out", at("s3.csr"), "-subj", "/CN=s3");
  await writeFile(at("ext"), "subjectAltName = IP:127.0.0.1\n");
  const signing = ["-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial", "-extfile", at("ext")];
  openssl("x509", "-req", "-in", at("s3.csr"), ...signing, "-out", at("s3.pem"), "-days", "2");
  const tls = { cert: at("s3.pem"), key: at("s3.key"), ca: at("ca.pem") };
  return { server: await startS3({ tls }), ca: tls.ca };
}

describe("TLS", () => {
  let secure: Awaited<ReturnType<typeof startSecure>>;
  beforeAll(async () => {
    secure = await startSecure();
  });
  afterAll(() => secure.server.close());

  test("with an unknown authority is refused, and the remedy is named", async () => {
    const driver = createS3Driver(storeOn(secure.server, "tls"), limits);
    const error: unknown = await driver.put("a", text("x")).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "STORE_UNAVAILABLE",
      message: expect.stringMatching(/certificate of an unknown authority/),
      details: { remedy: expect.stringMatching(/AWS_CA_BUNDLE/) },
    });
  });

  test("trusts the authorities of AWS_CA_BUNDLE", async () => {
    vi.stubEnv("AWS_CA_BUNDLE", secure.ca);
    await works(createS3Driver(storeOn(secure.server, "tls"), limits));
  });

  test("trusts the authorities of NODE_EXTRA_CA_CERTS", () => {
    const config = JSON.stringify(storeOn(secure.server, "extra"));
    const source = resolve(import.meta.dirname, "../../src/store/s3.ts");
    const script = `import { createS3Driver } from ${JSON.stringify(source)};
      await createS3Driver(${config}).put("a", (async function* () { yield Buffer.from("x"); })());
      console.log("written");`;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      ["--no-warnings", "--input-type=module", "-e", script],
      {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: secure.ca },
        encoding: "utf8",
      },
    );
    expect([stdout.trim(), stderr]).toEqual(["written", ""]);
  });

  test.each([
    ["is not there", "nothing.pem"],
    ["has no certificate", "ext"],
  ])("a bundle that %s is told by name", (_, name) => {
    vi.stubEnv("AWS_CA_BUNDLE", join(folder, name));
    expect(() => createS3Driver(storeOn(secure.server, "tls"))).toThrow(/AWS_CA_BUNDLE names/);
  });

  test("where there is none is told by the key that is wrong", async () => {
    const endpoint = server.endpoint.replace("http:", "https:");
    const driver = createS3Driver(storeOn(server, "tls", { endpoint }), limits);
    const error: unknown = await driver.head("a").catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ details: { field: "stores.cloud.secure" } });
  });
});

test("a clock that is an hour off does not stop the driver, which goes by the server's", async () => {
  const driver = createS3Driver(storeOn(server, "clock"), limits);
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
  try {
    expect(await driver.head("a/key")).toBeUndefined();
    await works(driver);
  } finally {
    vi.useRealTimers();
  }
});

/** Reading from other servers: those that behave, those that do not, and those that want to be somebody else. */

import type { LookupAddress } from "node:dns";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isServiceError, ServiceError } from "../../src/errors.ts";
import type { RemoteLimits } from "../../src/remote/body.ts";
import { connect, type Resolve } from "../../src/remote/connect.ts";
import { createRemote, type RemoteRequest } from "../../src/remote/open.ts";
import { remoteSettingsFrom } from "../../src/remote/settings.ts";
import {
  type Authority,
  answering,
  endless,
  type Listening,
  makeAuthority,
  redirecting,
  serve,
} from "./support/servers.ts";

const four = (address: string): LookupAddress => ({ address, family: address.includes(":") ? 6 : 4 });
const loopback: Resolve = async () => [four("127.0.0.1")];

interface Setting {
  readonly hosts?: string;
  readonly privateHosts?: string;
  readonly resolve?: Resolve;
  readonly limits?: Partial<RemoteLimits>;
  readonly request?: Partial<RemoteRequest>;
}

/** Reads a URL to its end: text, or the error. */
async function read(url: string, setting: Setting = {}) {
  const { rules, limits } = remoteSettingsFrom({
    HOLDFAST_IMPORT_HOSTS: setting.hosts,
    HOLDFAST_IMPORT_PRIVATE_HOSTS: setting.privateHosts,
  });
  const reasons: string[] = [];
  const open = createRemote({
    rules,
    limits: { ...limits, idleMs: 5000, totalMs: 20_000, ...setting.limits },
    resolve: setting.resolve ?? loopback,
  });
  const onTrouble = (_host: string, reason: unknown) => void reasons.push(String(reason));
  try {
    const { body, sizeBytes, host } = await open(url, { isDeclared: false, onTrouble, ...setting.request });
    const pieces: Uint8Array[] = [];
    for await (const piece of body) pieces.push(piece);
    return { text: Buffer.concat(pieces).toString(), sizeBytes, host, reasons };
  } catch (error) {
    if (!isServiceError(error)) throw error;
    return { code: error.code, message: error.message, error, reasons };
  }
}

/** A server under the name `files.lab`, which may be private. */
const at = ({ port }: Listening, path = "/x") => `http://files.lab:${port}${path}`;
const lab = ({ port }: Listening, more: Setting = {}): Setting => ({
  privateHosts: `files.lab:${port}`,
  ...more,
});

describe("a file", () => {
  it("is read whole, and nothing but a plain GET is sent", async () => {
    const server = await serve(answering("content", ["Set-Cookie: a=b", "Content-Type: text/html"]));
    const url = at(server, "/a%20b?q=1#part");
    expect(await read(url, lab(server))).toMatchObject({ text: "content", sizeBytes: 7, host: "files.lab" });
    const [head = ""] = server.heads;
    const lines = head.trim().split("\r\n");
    expect(lines[0]).toBe("GET /a%20b?q=1 HTTP/1.1");
    const names = lines.slice(1).map((line) => line.split(":")[0]?.toLowerCase());
    expect(names.sort()).toEqual(["accept", "accept-encoding", "connection", "host", "user-agent"]);
    expect(head.toLowerCase()).toContain("accept-encoding: identity");
    expect(head.toLowerCase()).toContain("connection: close");
  });

  it("in chunks has no size beforehand", async () => {
    const server = await serve(answering("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", ["Transfer-Encoding: chunked"]));
    expect(await read(at(server), lab(server))).toMatchObject({ text: "abcde", sizeBytes: undefined });
  });

  it("that is empty is a file", async () => {
    const server = await serve(answering(""));
    expect(await read(at(server), lab(server))).toMatchObject({ text: "", sizeBytes: 0 });
  });

  it("whose end is the end of the connection is taken only when its size or digest is known", async () => {
    const server = await serve((socket) => void socket.end("HTTP/1.1 200 OK\r\n\r\ncontent"));
    expect(await read(at(server), lab(server))).toMatchObject({ code: "IMPORT_FAILED" });
    expect(await read(at(server), lab(server, { request: { isDeclared: true } }))).toMatchObject({
      text: "content",
    });
  });
});

describe("names and addresses", () => {
  it("a name is looked up once for each request, and the connection goes to that answer", async () => {
    const good = await serve(answering("good"));
    const secret = await serve(answering("secret"), { host: "127.0.0.2" });
    let asked = 0;
    // The first answer passes the check; whoever asks again is led to the metadata of the cloud.
    const rebinding: Resolve = async () => [four(++asked === 1 ? "127.0.0.1" : "169.254.169.254")];
    const answer = await read(at(good), lab(good, { resolve: rebinding }));
    expect(answer).toMatchObject({ text: "good" });
    expect(asked).toBe(1);
    expect(secret.connections()).toBe(0);
  });

  it("a name that changes its address between redirects is caught at the second", async () => {
    let asked = 0;
    const rebinding: Resolve = async () => [four(++asked === 1 ? "127.0.0.1" : "169.254.169.254")];
    const server = await serve((socket, head) =>
      head.startsWith("GET /x") ? redirecting("/y")(socket, head) : answering("secret")(socket, head),
    );
    const answer = await read(at(server), lab(server, { resolve: rebinding }));
    expect(answer).toMatchObject({ code: "IMPORT_FAILED" });
    expect(answer.reasons.join()).toContain("169.254.169.254");
    expect(server.heads).toHaveLength(1);
  });

  it.each([
    ["metadata.google.internal", ["169.254.169.254"]],
    ["metadata.google.internal.", ["fd00:ec2::254"]],
    ["localhost", ["127.0.0.1"]],
    ["localhost", ["::1"]],
    ["intranet.example", ["10.1.2.3"]],
    ["mapped.example", ["::ffff:10.1.2.3"]],
    ["nat64.example", ["64:ff9b::a01:203"]],
    ["mixed.example", ["8.8.8.8", "127.0.0.1"]],
    ["mixed.example", ["127.0.0.1", "8.8.8.8"]],
    ["odd.example", ["0x7f.1"]],
    ["nobody.example", []],
  ])("%s → %j is not connected to, and told as a name without a server is", async (host, addresses) => {
    const server = await serve(answering("secret"));
    const setting = { hosts: `*, *.lab:${server.port}`, resolve: async () => addresses.map(four) };
    const answer = await read(`http://${host}:80/x`, setting);
    const unknown = await read(`http://${host}:80/x`, {
      ...setting,
      resolve: () => Promise.reject(Object.assign(new Error("no such name"), { code: "ENOTFOUND" })),
    });
    expect(answer.code).toBe("IMPORT_FAILED");
    expect(unknown.code).toBe("IMPORT_FAILED");
    expect(answer.message).toBe(unknown.message);
    expect(answer.error?.details).toEqual(unknown.error?.details);
    expect(server.connections()).toBe(0);
  });

  it("a closed port of a trusted host reads the same as a refused address", async () => {
    const server = await serve(answering(""));
    const closed = await read("http://files.lab:1/x", { privateHosts: "files.lab:1" });
    const refused = await read("http://files.lab:1/x", {
      hosts: "files.lab:1",
      resolve: async () => [four("127.0.0.1")],
    });
    expect([closed.code, refused.code]).toEqual(["IMPORT_FAILED", "IMPORT_FAILED"]);
    expect(closed.message).toBe(refused.message);
    expect(closed.reasons.join()).toContain("ECONNREFUSED");
    expect(refused.reasons.join()).toContain("127.0.0.1");
    expect(server.connections()).toBe(0);
  });

  it("the second address is tried where the first does not answer", async () => {
    const server = await serve(answering("content"));
    const resolve: Resolve = async () => [four("::1"), four("127.0.0.1")];
    expect(await read(at(server), lab(server, { resolve }))).toMatchObject({ text: "content" });
  });

  it("a connection that went elsewhere than to the checked addresses is not used", async () => {
    const server = await serve(answering("secret"), { host: "127.0.0.2" });
    // A literal is never looked up, so the lookup cannot hold it.
    const url = new URL(`http://127.0.0.2:${server.port}`);
    const target = { url, host: "127.0.0.2", isLiteral: true, trust: "private" } as const;
    const { signal } = new AbortController();
    await expect(connect(target, { addresses: [four("127.0.0.1")], signal })).rejects.toThrow(
      "the connection went to 127.0.0.2",
    );
    expect(server.heads).toEqual([]);
  });
});

describe("redirects", () => {
  it.each([301, 302, 303, 307, 308])("%i is followed", async (status) => {
    const server = await serve((socket, head) =>
      head.startsWith("GET /x")
        ? redirecting("y?z", `${status} Moved`)(socket, head)
        : answering(head.split(" ")[1] ?? "")(socket, head),
    );
    expect(await read(at(server), lab(server))).toMatchObject({ text: "/y?z" });
  });

  it("three are followed, a fourth is not, and a loop ends", async () => {
    const chain = await serve((socket, head) => {
      const left = Number(/^GET \/(\d)/.exec(head)?.[1]);
      return left === 0 ? answering("end")(socket, head) : redirecting(`/${left - 1}`)(socket, head);
    });
    expect(await read(at(chain, "/3"), lab(chain))).toMatchObject({ text: "end" });
    expect(await read(at(chain, "/4"), lab(chain))).toMatchObject({ code: "IMPORT_FAILED" });
    const loop = await serve(redirecting("/x"));
    expect(await read(at(loop), lab(loop))).toMatchObject({ code: "IMPORT_FAILED" });
    expect(loop.heads).toHaveLength(4);
  });

  it.each([
    "http://127.0.0.1/secret-path",
    "http://0x7f000001/",
    "http://[::ffff:127.0.0.1]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://localhost:22/",
    "//127.0.0.1/",
    "/\\127.0.0.1/",
    "http://user:password@files.lab/",
    "file:///etc/passwd",
    "gopher://127.0.0.1/_x",
    "javascript:alert(1)",
    "http://other.lab/",
    "http://",
  ])("to %s is refused, and where it leads is not told", async (location) => {
    const server = await serve(redirecting(location));
    const answer = await read(at(server), lab(server, { hosts: "*" }));
    // `other.lab` may be asked for, and leads to a loopback address.
    expect(answer.code).toBe(location === "http://other.lab/" ? "IMPORT_FAILED" : "IMPORT_REFUSED");
    if (location !== "http://other.lab/") expect(answer.message).not.toContain(location);
    expect(server.heads).toHaveLength(1);
  });

  it.each([
    ["without a place", answering("", [], "302 Found")],
    ["with two places", answering("", ["Location: /a", "Location: /b"], "302 Found")],
  ])("%s is refused", async (_name, reply) => {
    const server = await serve(reply);
    const { code } = await read(at(server), lab(server));
    expect(["IMPORT_FAILED", "IMPORT_REFUSED"]).toContain(code);
    expect(server.heads).toHaveLength(1);
  });

  it("cookies that a redirect sets are not sent on", async () => {
    const server = await serve((socket, head) =>
      head.startsWith("GET /x")
        ? answering("", ["Location: /y", "Set-Cookie: session=1"], "302 Found")(socket, head)
        : answering("end")(socket, head),
    );
    expect(await read(at(server), lab(server))).toMatchObject({ text: "end" });
    expect(server.heads.join().toLowerCase()).not.toMatch(/cookie|referer|authorization/);
  });
});

describe("answers that are no file", () => {
  it.each([
    "201 Created",
    "204 No Content",
    "206 Partial Content",
    "304 Not Modified",
    "401 Unauthorized",
    "404 Not Found",
    "500 Oops",
  ])("%s", async (status) => {
    const server = await serve(answering("", ["Content-Range: bytes 0-0/1"], status));
    const answer = await read(at(server), lab(server));
    expect(answer.code).toBe("IMPORT_FAILED");
    expect(answer.message).toContain(status.slice(0, 3));
  });

  it.each([
    ["gzip", ["Content-Encoding: gzip"]],
    ["br", ["Content-Encoding: br"]],
    ["identity, gzip", ["Content-Encoding: identity, gzip"]],
  ])("a body that is encoded (%s), a bomb or not, is refused unread", async (_name, headers) => {
    const bomb = gzipSync(Buffer.alloc(50 * 2 ** 20));
    const server = await serve(answering(bomb, headers));
    const answer = await read(at(server), lab(server));
    expect(answer.code).toBe("IMPORT_FAILED");
    expect(answer.message).toContain("encoded");
  });

  it("a transfer that is encoded is refused", async () => {
    const server = await serve(answering("0\r\n\r\n", ["Transfer-Encoding: gzip, chunked"]));
    expect(await read(at(server), lab(server))).toMatchObject({ code: "IMPORT_FAILED" });
  });

  it("a gzip file that says nothing of an encoding is bytes as any others", async () => {
    const bytes = gzipSync("x");
    const server = await serve(answering(bytes, ["Content-Type: application/gzip"]));
    expect(await read(at(server), lab(server))).toMatchObject({ sizeBytes: bytes.length });
  });

  it.each([
    ["-1", "-1"],
    ["1e3", "1e3"],
    ["99999999999999999999", "99999999999999999999"],
    ["two of them", "3\r\nContent-Length: 5"],
    ["two of them in one", "3, 5"],
    ["one beside chunks", "3\r\nTransfer-Encoding: chunked"],
  ])("a length that is none: %s", async (_name, length) => {
    const server = await serve(answering("abc", [`Content-Length: ${length}`]));
    expect(await read(at(server), lab(server))).toMatchObject({ code: "IMPORT_FAILED" });
  });

  it.each([
    ["no HTTP", "SSH-2.0-OpenSSH_9.9\r\n"],
    ["nothing", ""],
    ["a status line that is none", "HTTP/1.1 abc\r\n\r\n"],
    ["headers without end", `HTTP/1.1 200 OK\r\nX: ${"x".repeat(40_000)}`],
    ["many headers", `HTTP/1.1 200 OK\r\n${"X-A: b\r\n".repeat(5000)}\r\n`],
    ["a header with a NUL", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 1\r\n\r\nx"],
  ])("%s", async (_name, text) => {
    const server = await serve((socket) => void socket.end(text));
    expect(await read(at(server), lab(server))).toMatchObject({ code: "IMPORT_FAILED" });
  });
});

describe("bodies that do not end as they should", () => {
  it.each([
    ["shorter than told", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"],
    ["chunks that are cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"],
    ["a chunk that is cut", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"],
    ["a chunk that is none", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nzz\r\n"],
  ])("%s", async (_name, text) => {
    const server = await serve((socket) => void socket.end(text));
    const answer = await read(at(server), lab(server));
    expect(answer).toMatchObject({ code: "IMPORT_FAILED", message: expect.stringContaining("broke off") });
  });

  it("longer than told: what was told is the file", async () => {
    const server = await serve(answering("abcdef", ["Content-Length: 3"]));
    const answer = await read(at(server), lab(server));
    // The bytes behind it belong to no answer.
    expect([answer.text, answer.code]).toSatisfy(
      ([text, code]) => text === "abc" || code === "IMPORT_FAILED",
    );
  });

  it("without end stops at the limit, and the connection is ended", async () => {
    const reply = endless(Buffer.alloc(65_536));
    const server = await serve(reply);
    const answer = await read(at(server), lab(server, { limits: { bytes: 2 ** 20 } }));
    expect(answer).toMatchObject({
      code: "LIMIT_EXCEEDED",
      error: { details: { setting: "HOLDFAST_IMPORT_LIMIT" } },
    });
    await expect.poll(() => server.open()).toBe(0);
    expect(reply.sent).toBeLessThan(20 * 2 ** 20);
  });

  it("told as larger than the limit is not begun", async () => {
    const server = await serve(answering("x", ["Content-Length: 2000000"]));
    const answer = await read(at(server), lab(server, { limits: { bytes: 2 ** 20 } }));
    expect(answer.code).toBe("LIMIT_EXCEEDED");
  });

  it("a body that stalls is ended", async () => {
    const server = await serve(
      (socket) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"),
    );
    const answer = await read(at(server), lab(server, { limits: { idleMs: 300 } }));
    expect(answer).toMatchObject({
      code: "IMPORT_FAILED",
      message: expect.stringContaining("after 3 bytes"),
    });
    await expect.poll(() => server.open()).toBe(0);
  });

  it("a body that trickles is ended by the limit of the whole", async () => {
    const server = await serve(endless(Buffer.from("x"), 20));
    const answer = await read(at(server), lab(server, { limits: { idleMs: 2000, totalMs: 400 } }));
    expect(answer).toMatchObject({
      code: "LIMIT_EXCEEDED",
      error: { details: { setting: "HOLDFAST_IMPORT_TIMEOUT_MS" } },
    });
    await expect.poll(() => server.open()).toBe(0);
  });

  it("headers that trickle are ended", async () => {
    const server = await serve((socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      const timer = setInterval(() => void socket.write("X: y\r\n"), 20);
      socket.on("close", () => clearInterval(timer));
    });
    const answer = await read(at(server), lab(server, { limits: { idleMs: 300 } }));
    expect(answer.code).toBe("IMPORT_FAILED");
    await expect.poll(() => server.open()).toBe(0);
  });

  it("a name server that does not answer is not waited for", async () => {
    const resolve: Resolve = () => new Promise(() => undefined);
    const answer = await read("http://slow.example/x", { hosts: "*", resolve, limits: { idleMs: 100 } });
    expect(answer.code).toBe("IMPORT_FAILED");
  });

  it("the caller's abort ends it, in the head and in the body", async () => {
    for (const text of ["", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"]) {
      const server = await serve((socket) => void socket.write(text));
      const controller = new AbortController();
      const reason = new Error("gone");
      const reading = read(at(server), lab(server, { request: { signal: controller.signal } }));
      await expect.poll(() => server.heads.length).toBe(1);
      controller.abort(reason);
      await expect(reading).rejects.toBe(reason);
      await expect.poll(() => server.open()).toBe(0);
    }
  });

  it("a reader that leaves early ends the connection", async () => {
    const server = await serve(endless(Buffer.alloc(65_536)));
    const { rules, limits } = remoteSettingsFrom({
      HOLDFAST_IMPORT_PRIVATE_HOSTS: `files.lab:${server.port}`,
    });
    const open = createRemote({ rules, limits, resolve: loopback });
    const { body } = await open(at(server), { isDeclared: false });
    for await (const _piece of body) break;
    await expect.poll(() => server.open()).toBe(0);
  });
});

describe("TLS", () => {
  let authority: Authority;
  const before = getCACertificates("default");
  beforeAll(() => {
    authority = makeAuthority();
    setDefaultCACertificates([...before, authority.ca]);
  });
  afterAll(() => setDefaultCACertificates(before));

  const secure = ({ port }: Listening, host = "files.lab") => `https://${host}:${port}/x`;

  it("a certificate of a known authority for the name is taken", async () => {
    const server = await serve(answering("content"), { tls: authority.certificate("files.lab") });
    expect(await read(secure(server), lab(server))).toMatchObject({ text: "content" });
  });

  it("the name is checked, not the address that it leads to", async () => {
    const server = await serve(answering("secret"), { tls: authority.certificate("other.lab") });
    expect(await read(secure(server), lab(server))).toMatchObject({ code: "IMPORT_FAILED" });
    expect(server.heads).toEqual([]);
  });

  it("one that has run out, or of an unknown authority, is refused, whatever the process is told", async () => {
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      for (const tls of [authority.certificate("files.lab", -1), makeAuthority().certificate("files.lab")]) {
        const server = await serve(answering("secret"), { tls });
        expect(await read(secure(server), lab(server))).toMatchObject({ code: "IMPORT_FAILED" });
        expect(server.heads).toEqual([]);
      }
    } finally {
      delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    }
  });

  it("a redirect from https to http is refused, the other way it is followed", async () => {
    const plain = await serve(answering("content"));
    const down = await serve(redirecting(at(plain)), { tls: authority.certificate("files.lab") });
    const both = { privateHosts: `files.lab:${plain.port},files.lab:${down.port}` };
    expect(await read(secure(down), both)).toMatchObject({ code: "IMPORT_REFUSED" });
    expect(plain.connections()).toBe(0);
    const target = await serve(answering("safe"), { tls: authority.certificate("files.lab") });
    const up = await serve(redirecting(secure(target)));
    const rules = { privateHosts: `files.lab:${up.port},files.lab:${target.port}` };
    expect(await read(at(up), rules)).toMatchObject({ text: "safe" });
  });
});

it("errors are of one class, and keep their cause for the log", async () => {
  const { error } = await read("http://files.lab:1/x", { privateHosts: "files.lab:1" });
  expect(error).toBeInstanceOf(ServiceError);
  expect(error?.cause).toBeDefined();
});

/** `importUpload` as callers meet it: both endpoints of a whole service, tokens, settings, connection, log. */

import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createUpload } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { answering, endless, redirecting, serve } from "../remote/support/servers.ts";
import { type Answered, codeOf, openWorld, type World } from "../system/support/service.ts";

const sdl = `
extend schema @database(schema: "lab")
type Sample @table {
  sampleId: Int! @key
  trace: NdArray @codec(name: "npy", store: "default")
  copy: File @codec(name: "attach", store: "default")
}
`;

const content = randomBytes(100_000);
const files = await serve(answering(content));
const moved = await serve(redirecting(`http://127.0.0.1:${files.port}/x`));
const metadata = await serve(redirecting("http://169.254.169.254/latest/meta-data/"));
const world = await openWorld(sdl, {
  HOLDFAST_IMPORT_PRIVATE_HOSTS: [files, moved, metadata].map(({ port }) => `127.0.0.1:${port}`).join(),
});
const off = await openWorld(sdl);

const create = `mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url } }`;
const fill = `mutation ($id: ID!, $url: String!) { importUpload(id: $id, url: $url) { id url state receivedBytes } }`;
const target = { type: "Sample", field: "copy" };

type Ask = World["entity"];

async function upload(ask: Ask, more: object = {}): Promise<string> {
  const { data, errors } = await ask(create, { input: { target, filename: "a.bin", ...more } });
  expect(errors).toBeUndefined();
  return data.createUpload.id;
}

describe.each([
  ["the entity API", world.entity, off.entity],
  ["the system API", world.system, off.system],
] as const)("%s", (_name, ask, askOff) => {
  it("fills an upload, which a row takes, and gives the bytes", async () => {
    const id = await upload(ask, { sizeBytes: content.length, sha256: digest(content) });
    const { data, errors } = await ask(fill, { id, url: `http://127.0.0.1:${moved.port}/x` });
    expect(errors).toBeUndefined();
    expect(data.importUpload).toMatchObject({ id, state: "RECEIVED" });
    expect(Number(data.importUpload.receivedBytes)).toBe(content.length);
    const sampleId = Math.floor(Math.random() * 2 ** 30);
    const row = await world.entity(
      "mutation ($input: CreateSampleInput!) { createSample(input: $input) { sample { copy { name url } } } }",
      { input: { sampleId, copy: { upload: id } } },
    );
    const { url, name } = row.data.createSample.sample.copy;
    expect(name).toBe("a.bin");
    const response = await fetch(url);
    expect(Buffer.from(await response.arrayBuffer()).equals(content)).toBe(true);
  });

  it("needs WRITE, before anything is asked of anybody", async () => {
    const id = await upload(ask);
    const before = files.connections();
    const answer = await ask(fill, { id, url: `http://127.0.0.1:${files.port}/x` }, "READ");
    expect(codeOf(answer)).toBe("FORBIDDEN");
    expect(files.connections()).toBe(before);
  });

  it("needs an upload of the caller's own, that exists", async () => {
    const url = `http://127.0.0.1:${files.port}/x`;
    const id = await upload(ask);
    expect(codeOf(await ask(fill, { id, url }, "WRITE"))).toBe("FORBIDDEN");
    expect(codeOf(await ask(fill, { id: "00000000-0000-4000-8000-000000000000", url }))).toBe("NOT_FOUND");
    expect(codeOf(await ask(fill, { id: "x' OR 1=1", url }))).toBe("NOT_FOUND");
  });

  it("is off until a host is named, and says which setting", async () => {
    const id = await upload(askOff);
    const answer = await askOff(fill, { id, url: "http://example.org/x" });
    expect(codeOf(answer)).toBe("IMPORT_REFUSED");
    expect(answer.errors?.[0]?.message).toContain("HOLDFAST_IMPORT_HOSTS");
  });

  it.each([
    ["http://127.0.0.1:22/", "IMPORT_REFUSED"],
    ["http://169.254.169.254/latest/meta-data/", "IMPORT_REFUSED"],
    ["file:///etc/passwd", "IMPORT_REFUSED"],
    ["not a url", "BAD_USER_INPUT"],
  ])("%s: %s", async (url, code) => {
    const answer = await ask(fill, { id: await upload(ask), url });
    expect(codeOf(answer)).toBe(code);
  });

  it("a redirect to the metadata of a cloud is refused, and not told", async () => {
    const answer = await ask(fill, { id: await upload(ask), url: `http://127.0.0.1:${metadata.port}/` });
    expect(codeOf(answer)).toBe("IMPORT_REFUSED");
    expect(JSON.stringify(answer)).not.toContain("169.254");
  });
});

it("no credential of the caller goes to the other server", () => {
  const heads = [...files.heads, ...moved.heads, ...metadata.heads].join("\n");
  expect(files.heads.length).toBeGreaterThan(0);
  expect(heads).not.toMatch(/authorization|cookie|bearer|referer|forwarded/i);
  for (const right of ["READ", "WRITE", "ADMIN"] as const) expect(heads).not.toContain(world.token(right));
});

describe("a service of its own", () => {
  const place = new Place();
  const proxied: string[] = [];
  let log = () => "";

  beforeAll(async () => {
    const proxy = await serve((socket, head) => {
      proxied.push(head);
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nproxy!");
    });
    const url = `http://127.0.0.1:${proxy.port}`;
    const service = await place.start({
      HOLDFAST_IMPORT_PRIVATE_HOSTS: [files, slow, stuck].map(({ port }) => `127.0.0.1:${port}`).join(),
      HOLDFAST_IDLE_TIMEOUT_MS: "700",
      LOG_LEVEL: "info",
      HTTP_PROXY: url,
      http_proxy: url,
      ALL_PROXY: url,
      NODE_USE_ENV_PROXY: "1",
    });
    log = service.log;
  });
  afterAll(() => place.close());

  const run = (id: string, url: string, signal?: AbortSignal): Promise<Answered> =>
    fetch(`${place.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: fill, variables: { id, url } }),
      ...(signal === undefined ? {} : { signal }),
    }).then(async (response) => (await response.json()) as Answered);

  it("asks no proxy, whatever the environment names", async () => {
    const { id } = await createUpload(place, "bytes");
    const { data } = await run(id, `http://127.0.0.1:${files.port}/x`);
    expect(Number(data.importUpload.receivedBytes)).toBe(content.length);
    expect(proxied).toEqual([]);
  });

  it("keeps the caller's connection while an import takes longer than a connection may be idle", async () => {
    const { id } = await createUpload(place, "bytes");
    const { data, errors } = await run(id, `http://127.0.0.1:${slow.port}/x`);
    expect(errors).toBeUndefined();
    expect(data.importUpload.state).toBe("RECEIVED");
  });

  it("stops when the caller goes, and leaves nothing", async () => {
    const { id } = await createUpload(place, "bytes");
    const before = place.files();
    const controller = new AbortController();
    const running = run(id, `http://127.0.0.1:${stuck.port}/x?key=hunter2`, controller.signal).catch(
      () => "gone",
    );
    await expect.poll(() => stuck.heads.length).toBe(1);
    controller.abort();
    expect(await running).toBe("gone");
    await expect.poll(() => stuck.open()).toBe(0);
    await expect.poll(() => place.files()).toEqual(before);
    const again = await run(id, `http://127.0.0.1:${files.port}/x`);
    expect(again.data?.importUpload.state).toBe("RECEIVED");
  });

  it("tells in its log who imported what from which host, and never the query", async () => {
    const lines = log()
      .split("\n")
      .filter((line) => line.includes('"import":'))
      .map((line) => JSON.parse(line).import as Record<string, unknown>);
    expect(lines).toContainEqual({
      event: "began",
      principal: "anonymous",
      field: "Item.bytes",
      host: `127.0.0.1:${files.port}`,
    });
    expect(lines.map(({ event }) => event)).toEqual(expect.arrayContaining(["done", "failed"]));
    expect(log()).not.toContain("hunter2");
  });
});

/** Gives a file of three bytes, one in half a second. */
const slow = await serve((socket) => {
  socket.write("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n");
  let sent = 0;
  const timer = setInterval(() => {
    socket.write("x");
    if (++sent === 3) clearInterval(timer);
  }, 500);
});
const stuck = await serve(endless(Buffer.alloc(1000), 20));

function digest(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Bytes that a browser would run, by every way in and every way out: they come back as a download that does nothing. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createUpload, put, send } from "../acceptance/support/exchange.ts";
import { Place } from "../acceptance/support/place.ts";
import { answering, type Listening, serve } from "../remote/support/servers.ts";

const place = new Place();

/** What browsers lay out, run, or look into for scripts; by the extension that would tell them to. */
const hostile: Readonly<Record<string, string>> = {
  "page.html": "<!doctype html><script>alert(document.domain)</script>",
  "image.svg": '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
  "feed.xml": '<?xml version="1.0"?><x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
  "paper.pdf": "%PDF-1.7\n1 0 obj<</Type/Action/S/JavaScript/JS(app.alert(1))>>",
  "code.js": "alert(1)",
  "no-extension": "<script>alert(1)</script>",
  "polyglot.png": "\x89PNG\r\n\x1a\n<script>alert(1)</script>",
  "notes.txt": "<script>alert(1)</script>",
};

/** Types that no browser runs, whatever is in the bytes. */
const inert = /^(application\/octet-stream|image\/png|text\/plain; charset=utf-8)$/;

/** Gives each of the files, with the type that a careless server would. */
let server: Listening;
let nextId = 1;

beforeAll(async () => {
  server = await serve((socket, head) => {
    const name = decodeURIComponent(/^GET \/(\S*)/.exec(head)?.[1] ?? "");
    return answering(hostile[name] ?? "", ["Content-Type: text/html", "Set-Cookie: session=1"])(socket, head);
  });
  await place.start({ HOLDFAST_IMPORT_PRIVATE_HOSTS: `127.0.0.1:${server.port}` });
});

afterAll(() => place.close());

/** Creates an item whose `field` has `value`, and answers the URL that the API gives. */
async function urlOf(field: string, value: object): Promise<string> {
  const { createItem } = await place.get<{ createItem: { item: Record<string, { url: string }> } }>(
    `mutation ($input: CreateItemInput!) { createItem(input: $input) { item { ${field} { url } } } }`,
    { input: { itemId: nextId++, pictures: [], [field]: value } },
  );
  return createItem.item[field]?.url ?? "";
}

async function uploaded(
  field: string,
  filename: string,
  more: object,
  fill: (upload: { id: string; url: string }) => Promise<void>,
) {
  const upload = await createUpload(place, field, { filename, ...more });
  await fill(upload);
  return urlOf(field, { upload: upload.id });
}

type Way = (name: string, text: string) => Promise<string>;

const base64 = (text: string) => Buffer.from(text).toString("base64");
const html = { "content-type": "text/html" };

/** Every way by which bytes come in; each answers the URL by which they go out. */
const waysIn: Readonly<Record<string, Way>> = {
  "PUT to the URL of an upload, claiming a type": (name, text) =>
    uploaded("file", name, { mediaType: "text/html" }, async ({ url }) => {
      expect((await put(url, text, html)).status).toBe(201);
    }),
  "PUT to the id of an upload": (name, text) =>
    uploaded("file", name, {}, async ({ id }) => {
      expect((await put(`${place.url}/uploads/${id}`, text, html)).status).toBe(201);
    }),
  "PUT, for an object without a name": (name, text) =>
    uploaded("bytes", name, { mediaType: "image/svg+xml" }, async ({ url }) => {
      expect((await put(url, text)).status).toBe(201);
    }),
  "PUT of a file of a folder": async (name, text) => {
    const folder = await uploaded("tree", "page.html", { kind: "TREE" }, async ({ id, url }) => {
      expect((await put(`${url}/${name}`, text, html)).status).toBe(201);
      await place.get("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id });
    });
    return `${folder}/${name}`;
  },
  "import from a URL": (name, text) =>
    uploaded("file", name, { sizeBytes: String(Buffer.byteLength(text)) }, async ({ id }) => {
      const url = `http://127.0.0.1:${server.port}/${encodeURIComponent(name)}`;
      await place.get("mutation ($id: ID!, $url: String!) { importUpload(id: $id, url: $url) { id } }", {
        id,
        url,
      });
    }),
  "a value in the row": (name, text) => urlOf("inRowFile", { text: { name, content: text } }),
  "a value in the store, as text": (name, text) => urlOf("file", { text: { name, content: text } }),
  "a value in the store, as base64": (name, text) =>
    urlOf("file", { base64: { name, content: base64(text) } }),
  "a value named by its digest": (name, text) => urlOf("bytes", { base64: { name, content: base64(text) } }),
  "a file of the user's own": (name, text) => {
    mkdirSync(join(place.store, "raw"), { recursive: true });
    writeFileSync(join(place.store, "raw", name), text);
    return urlOf("own", { path: `raw/${name}` });
  },
};

function harmless(answer: Awaited<ReturnType<typeof send>>): void {
  const header = (name: string) => answer.headers.get(name) ?? "";
  expect(header("content-type")).toMatch(inert);
  expect(header("content-disposition")).toMatch(/^attachment; filename=/);
  expect(header("x-content-type-options")).toBe("nosniff");
  expect(header("content-security-policy")).toBe("sandbox; default-src 'none'");
  expect(header("content-encoding")).toBe("");
  expect(answer.headers.getSetCookie()).toEqual([]);
}

describe.each(Object.entries(waysIn))("%s", (_way, bring) => {
  it("comes out as bytes that no browser runs", async () => {
    for (const [name, text] of Object.entries(hostile)) {
      const url = await bring(name, text);
      const whole = await send(url, { headers: { accept: "text/html,*/*", cookie: "session=1" } });
      expect([name, whole.status, whole.bytes.toString("utf8")]).toEqual([name, 200, text]);
      harmless(whole);
      harmless(await send(url, { headers: { range: "bytes=1-3" } }));
      harmless(await send(url, { method: "HEAD" }));
    }
  });
});

describe("answers that are no bytes of an object", () => {
  it.each([
    ["an unknown capability", "/d/%3Cscript%3E/%3Cscript%3Ealert(1)%3C/script%3E.html"],
    ["an unknown upload", "/uploads/%3Cscript%3Ealert(1)%3C/script%3E"],
    ["an unknown path", "/%3Cscript%3Ealert(1)%3C/script%3E.html"],
  ])("%s: JSON, without cookies", async (_name, path) => {
    const { status, headers } = await send(`${place.url}${path}`);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(headers.get("content-type")).toMatch(/^application\/(graphql-response\+)?json/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.getSetCookie()).toEqual([]);
  });
});

/** Paths that lead out of where they belong, by every way in and every way out. */

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createUpload, put } from "../acceptance/support/exchange.ts";
import { Place, raw } from "../acceptance/support/place.ts";

const place = new Place();
let treeUrl: string;
let before: readonly string[];

/** All files of the store, and what lies around it: nothing may appear anywhere. */
const around = () =>
  [
    ...place.files(),
    ...[place.folder, place.data, join(place.data, "stores")].flatMap((at) => readdirSync(at)),
  ].sort();

beforeAll(async () => {
  await place.start();
  writeFileSync(join(place.folder, "secret.txt"), "hunter2");
  writeFileSync(join(place.data, "secret.txt"), "hunter2");
  mkdirSync(join(place.store, "raw"), { recursive: true });
  writeFileSync(join(place.store, "raw/own.bin"), "own");
  const tree = await createUpload(place, "tree", { kind: "TREE", filename: "a.zarr" });
  expect((await put(`${tree.url}/c/0`, "chunk")).status).toBe(201);
  await place.get("mutation ($id: ID!) { completeUpload(id: $id) { state } }", { id: tree.id });
  const { createItem } = await place.get<{ createItem: { item: { tree: { url: string } } } }>(
    "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { tree { url } } } }",
    { input: { itemId: 1, pictures: [], tree: { upload: tree.id } } },
  );
  treeUrl = createItem.item.tree.url;
  before = around();
});

afterAll(() => place.close());

/** As they would stand in a store's path. */
const paths: readonly string[] = [
  "..",
  ".",
  "../secret.txt",
  "../../secret.txt",
  "../../../../../../../../etc/passwd",
  "a/../../secret.txt",
  "a/..",
  "./a",
  "a/./b",
  "a//b",
  "/a",
  "/etc/passwd",
  "//host/share",
  "a/",
  "..\\secret.txt",
  "a\\..\\..\\secret.txt",
  "C:\\windows\\win.ini",
  "\\\\host\\share",
  "a\0b",
  "a\nb",
  "a\u0085b",
  "a\u007fb",
  "x".repeat(256),
  `${"x/".repeat(500)}x`,
  ".holdfast-aaaaaaaaaaaaaaaaaaaaaaaa.part",
];

/** The same, spelled for a URL; and what becomes one of them when it is decoded once more. */
const inUrl: readonly string[] = [
  ...paths.map((path) => path.split("/").map(encodeURIComponent).join("/")),
  ...paths.map((path) => encodeURIComponent(path)),
  "%2e%2e/secret.txt",
  "%2E%2E/secret.txt",
  ".%2e/secret.txt",
  "%2e./secret.txt",
  "..%2fsecret.txt",
  "..%5csecret.txt",
  "%252e%252e/secret.txt",
  "%252e%252e%252fsecret.txt",
  "..%252fsecret.txt",
  "..%255csecret.txt",
  "%c0%ae%c0%ae/secret.txt",
  "..%c0%afsecret.txt",
  "%e0%80%ae%e0%80%ae/secret.txt",
  "%u002e%u002e/secret.txt",
  "a%00.txt",
  "..;/secret.txt",
  "%ff",
  "%",
  "%zz",
];

/** Sends a path exactly as it is given. */
async function ask(method: string, base: string, path: string, body = "") {
  const { pathname, host } = new URL(base);
  const head = `${method} ${pathname}/${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n`;
  return raw(place.url, `${head}Content-Length: ${body.length}\r\n\r\n${body}`);
}

describe("a file of a folder that is uploaded", () => {
  it.each(inUrl)("%j is refused or a plain name, and lies nowhere else", async (path) => {
    const { url } = await createUpload(place, "tree", { kind: "TREE", filename: "a.zarr" });
    const { status } = await ask("PUT", url, path, "hunter3");
    expect([201, 400, 404, 414, 431]).toContain(status);
    const fresh = around().filter((file) => !before.includes(file));
    if (status !== 201) expect(fresh).toEqual([]);
    // What is taken lies below the key that was reserved for this upload.
    for (const file of fresh) expect(file).toMatch(/^_schema\/lab\/[^/]*item\/tree_[^/]+\/./);
    before = around();
  });
});

describe("a file of a folder that is read", () => {
  it.each(inUrl)("%j gives nothing of anybody", async (path) => {
    const { status, body } = await ask("GET", treeUrl, path);
    expect([400, 404, 414, 431]).toContain(status);
    expect(body).not.toMatch(/hunter2|root:|_schema/);
  });

  it.each(["/..", "/../secret.txt", "/%2e%2e/%2e%2e/secret.txt", "//etc/passwd", "/..%2f..%2fsecret.txt"])(
    "%s behind the capability gives nothing",
    async (path) => {
      const [, , capability] = new URL(treeUrl).pathname.split("/");
      const { status, body } = await ask("GET", `${place.url}/d/${capability}`, path.slice(1));
      expect([400, 404]).toContain(status);
      expect(body).not.toContain("hunter2");
    },
  );

  it("and the file itself can be read", async () => {
    expect(await ask("GET", treeUrl, "c/0")).toMatchObject({ status: 200, body: "chunk" });
  });
});

describe("a reference to a file of the user's own", () => {
  /** What belongs to the service, in a store that it shares with its user. */
  const sections = ["_hash/lab/x", "_schema/lab/item/x", "_obj/identity.json", "_trash/1/x"];

  it.each([...paths, ...sections])("%j is refused, and no row is written", async (path) => {
    const rows = await place.known();
    const answer = await place.ask(
      "mutation ($input: CreateItemInput!) { createItem(input: $input) { item { own { url } } } }",
      { input: { itemId: 500, pictures: [], own: { path } } },
    );
    expect(answer.errors?.[0]?.extensions["code"]).toMatch(
      /^(BAD_USER_INPUT|CODEC_INVALID_VALUE|OBJECT_MISSING)$/,
    );
    expect(JSON.stringify(answer)).not.toContain("hunter2");
    expect(await place.known()).toEqual(rows);
  });
});

describe("a name of an upload", () => {
  it.each(["../../../evil", "..", ".", "/etc/cron.d/evil", "a\\b", "a/b/c.bin", "a\0b"])(
    "%j is refused",
    async (filename) => {
      for (const field of ["file", "bytes", "tree"]) {
        const answer = await place.ask(
          "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url } }",
          {
            input: {
              target: { type: "Item", field },
              filename,
              ...(field === "tree" ? { kind: "TREE" } : {}),
            },
          },
        );
        const { createUpload: made } = (answer.data ?? {}) as { createUpload?: { url: string } };
        if (made === undefined) continue;
        // A field that keeps no name takes any: it must not show in the path.
        await put(field === "tree" ? `${made.url}/x` : made.url, "hunter3");
        for (const file of around().filter((one) => !before.includes(one)))
          expect(file).toMatch(/^(_hash\/lab|_schema\/lab\/[^/]*item)\/[\w.-]+(\/[\w.-]+)?$/);
        before = around();
      }
    },
  );
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleQueryPage } from "../../scripts/bundle-query-page.ts";
import { call, openLaboratory, type Served } from "./laboratory.ts";

let served: Served;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-page-"));
  afterAll(() => rm(folder, { recursive: true }));
  await bundleQueryPage(folder);
  served = await (await openLaboratory()).serve({ pageFolder: folder });
});

const browser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

/** What the files of a page may load: attributes of HTML, `url()` and `@import` of CSS, imports, workers and fetches of scripts. */
const loads =
  /(?:\b(?:src|href)\s*=\s*|url\(\s*|@import\s+|\bimport\s*\(?\s*|\bfrom\s*|importScripts\(\s*|new Worker\(\s*|fetch\(\s*)["'`]?((?:https?:|wss?:)?\/\/[^"'`)\s>]+)/g;

describe("the query page", () => {
  it.each(["/graphql", "/system/graphql"])("is answered to a browser at %s", async (path) => {
    const answer = await call(served.port, path, { headers: browser });
    expect([answer.status, answer.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    expect(answer.body.toString()).toContain(`· ${path}</title>`);
    expect(answer.headers["content-security-policy"]).toMatch(
      /^default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self';/,
    );
    expect(answer.headers["content-security-policy"]).not.toMatch(
      /https?:|\*|unsafe-eval|script-src[^;]*unsafe/,
    );
  });

  it("is answered to nobody else, and Apollo's own, which loads scripts from elsewhere, to nobody at all", async () => {
    for (const accept of [
      "*/*",
      "application/json, text/html",
      "application/json, text/html;q=0.9, text/*",
    ]) {
      const answer = await call(served.port, "/graphql?query=%7Bname%7D", {
        headers: { accept, "apollo-require-preflight": "true" },
      });
      expect([answer.status, answer.headers["content-type"]]).toEqual([
        200,
        "application/json; charset=utf-8",
      ]);
    }
    for (const accept of ["text/html", "TEXT/HTML", "text/*", "text/html, */*"]) {
      const page = await call(served.port, "/graphql?query=%7Bname%7D", { headers: { accept } });
      expect(page.body.toString()).toContain("graphiql/page-");
    }
  });

  it("and every file that it loads names this origin only", async () => {
    const seen = new Set<string>();
    const waiting = ["/graphql"];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      if (seen.has(path)) continue;
      seen.add(path);
      const answer = await call(served.port, path, { headers: browser });
      expect([path, answer.status]).toEqual([path, 200]);
      const text = answer.body.toString();
      expect([...text.matchAll(loads)].map((match) => match[1])).toEqual([]);
      for (const [name] of text.matchAll(/[\w.-]+\.(?:js|css|ttf)\b/g)) {
        const found = `/graphiql/${name}`;
        if (/-[0-9A-Z]{8}\.|\.worker\.js$/.test(name) && !seen.has(found)) waiting.push(found);
      }
    }
    expect([...seen].filter((path) => path.endsWith(".worker.js")).length).toBe(3);
    expect(seen.size).toBeGreaterThan(10);
  });

  it("gives only the files of the bundle", async () => {
    for (const path of [
      "/graphiql/bundle.json",
      "/graphiql/..%2f..%2fpackage.json",
      "/graphiql/x.js",
      "/graphiql/",
    ]) {
      expect((await call(served.port, path)).status).toBe(404);
    }
  });
});

it("names the remedy where the page was not built", async () => {
  const bare = await (await openLaboratory()).serve({ pageFolder: "/nonexistent" });
  const answer = await call(bare.port, "/graphql", { headers: browser });
  expect([answer.status, answer.error().extensions["remedy"]]).toEqual([404, "npm run build"]);
});

/**
 * The query page in a real browser: it comes up, asks a query, shows the answer, and loads nothing from any other origin. Pages of other
 * origins send files where they may.
 *
 * Needs Chromium: as root on Debian it is installed when missing. Ends with `N passed, N failed`; the pictures are in `.cache/`.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { startHoldfast } from "../acceptance/support/process.ts";
import { startChecks } from "../support/checks.ts";
import { sendFromPage } from "./send-upload.ts";

const root = resolve(import.meta.dirname, "../..");
const pictures = join(root, ".cache", "pictures");
const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const { check, failed, end } = startChecks();

function browserPath(): string {
  const found = () => places.find((path) => existsSync(path));
  if (found() === undefined) {
    spawnSync("apt-get", ["update", "-qq"], { stdio: "inherit" });
    spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "chromium"], {
      stdio: ["ignore", "ignore", "inherit"],
    });
  }
  const path = found();
  if (path === undefined) throw new Error("there is no Chromium, and it could not be installed");
  return path;
}

function must(condition: boolean, message: string): void {
  if (!condition) throw new Error(message);
}

interface Visit {
  readonly page: Page;
  readonly requests: string[];
  readonly problems: string[];
}

async function visit(browser: Browser, url: string): Promise<Visit> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const requests: string[] = [];
  const problems: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(message.text());
  });
  await page.goto(url);
  await page.locator(".graphiql-execute-button").waitFor();
  return { page, requests, problems };
}

/** What `query` shows in the answer pane when it is asked through the page. */
async function askIn({ page }: Visit, query: string): Promise<string> {
  await page
    .locator(".graphiql-query-editor .monaco-editor, .graphiql-editor .monaco-editor")
    .first()
    .click();
  await page.keyboard.press("ControlOrMeta+A");
  // The editor closes the first brace by itself, as it does for whoever types.
  await page.keyboard.insertText(query.slice(0, -1));
  await page.locator(".graphiql-execute-button").click();
  const answer = page.locator(".result-window");
  await answer.filter({ hasText: /data|errors/ }).waitFor({ timeout: 20_000 });
  return (await answer.innerText()).replace(/\s+/g, "");
}

async function suite(browser: Browser, base: string): Promise<void> {
  const cases = [
    { path: "/graphql", query: "{ spikeTrains(first: 1) { totalCount } }", shown: '"totalCount":12' },
    { path: "/system/graphql", query: "{ health { ready } }", shown: '"ready":true' },
  ];
  for (const { path, query, shown } of cases) {
    await check(`${path} asks and shows the answer, from this origin only`, async () => {
      const seen = await visit(browser, base + path);
      const answer = await askIn(seen, query).catch((error: unknown) => String(error));
      await seen.page.screenshot({ path: join(pictures, `${path.replaceAll("/", "-").slice(1)}.png`) });
      must(answer.includes(shown), `the answer is ${answer}`);
      const foreign = seen.requests.filter((url) => !url.startsWith(base) && !/^(data|blob):/.test(url));
      must(foreign.length === 0, `requests to other origins: ${foreign.join(", ")}`);
      must(seen.problems.length === 0, `problems of the page: ${seen.problems.join("; ")}`);
      await seen.page.close();
    });
  }
}

/** A row that is written again and again until the page has shown that it was. */
async function follows(browser: Browser, base: string): Promise<void> {
  await check("/graphql follows a subscription", async () => {
    const seen = await visit(browser, `${base}/graphql`);
    const headers = { "content-type": "application/json" };
    const write = (): void => {
      const query = `mutation { upsertPreparation(input: {preparation: "seen", description: "at ${Date.now()}"}) { preparation { id } } }`;
      void fetch(`${base}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
    };
    const writing = setInterval(write, 200);
    const answer = await askIn(seen, "subscription { preparationChanged { matches } }").finally(() =>
      clearInterval(writing),
    );
    must(answer.includes('"matches":true'), `the answer is ${answer}`);
    must(seen.problems.length === 0, `problems of the page: ${seen.problems.join("; ")}`);
    await seen.page.close();
  });
}

/** What `query` answers, asked without a page. */
async function ask(base: string, query: string): Promise<Record<string, Record<string, string>>> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${base}/graphql`, { method: "POST", headers, body: JSON.stringify({ query }) });
  return ((await answer.json()) as { data: Record<string, Record<string, string>> }).data;
}

/** Names that end in `.localhost` are this machine to a browser, and no names of the service. */
async function uploads(browser: Browser, base: string): Promise<void> {
  const sizeBytes = 5_000_001;
  const cases = [
    { host: "localhost", told: "sent in 8 chunks", state: "COMPLETE" },
    { host: "other.localhost", told: "refused: tus: ", state: undefined },
  ];
  for (const { host, told, state } of cases) {
    await check(`a page of ${host} sends a file: ${told}`, async () => {
      const create = `mutation { createUpload(input: {target: {type: "Session", field: "notes"}, filename: "a.bin", sizeBytes: "${sizeBytes}"}) { id resumableUrl } }`;
      const upload = (await ask(base, create))["createUpload"] ?? {};
      const seen = await sendFromPage(browser, upload["resumableUrl"] ?? "", { host, sizeBytes });
      must(seen.startsWith(told), `the page was told: ${seen}`);
      const complete = `mutation { completeUpload(id: "${upload["id"]}") { state receivedBytes } }`;
      const found = (await ask(base, complete))?.["completeUpload"]?.["state"];
      must(found === state, `the upload is ${found}`);
    });
  }
}

const folder = mkdtempSync(join(tmpdir(), "holdfast-browser-"));
mkdirSync(pictures, { recursive: true });
try {
  const service = await startHoldfast(["--data", join(folder, "data"), "--port", "0"]);
  const quiet = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ];
  const browser = await chromium.launch({ executablePath: browserPath(), args: quiet });
  await suite(browser, service.url);
  await follows(browser, service.url);
  await uploads(browser, service.url);
  await browser.close();
  await service.end("SIGTERM");
} catch (error) {
  failed(error);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
end();

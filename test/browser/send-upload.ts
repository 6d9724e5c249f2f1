/** A page of another origin that sends a file by a tus client, chunk by chunk, and what it is told. */

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import type { Browser } from "playwright-core";

const client = join(resolve(import.meta.dirname, "../.."), "node_modules/tus-js-client/dist/tus.min.js");

const html = '<!doctype html><meta charset="utf-8"><title>Upload</title><script src="/tus.js"></script>';

/** The part of the client that the page uses. */
interface Client {
  readonly Upload: new (file: Blob, options: object) => { start(): void };
}

/** Sends `sizeBytes` bytes to `url` from a page of `host`; answers how the page saw it end. */
export async function sendFromPage(
  browser: Browser,
  url: string,
  { host, sizeBytes }: { readonly host: string; readonly sizeBytes: number },
): Promise<string> {
  const server = createServer((request, response) => {
    const isScript = request.url === "/tus.js";
    response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" });
    response.end(isScript ? readFileSync(client) : html);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const page = await browser.newPage();
  try {
    await page.goto(`http://${host}:${address.port}/`);
    return await page.evaluate(
      ([to, size]) =>
        new Promise<string>((done) => {
          const { tus } = globalThis as unknown as { tus: Client }; // as: what the script defines
          const bytes = new Uint8Array(size).map((_, at) => at % 251);
          let chunks = 0;
          new tus.Upload(new Blob([bytes]), {
            uploadUrl: to,
            chunkSize: 700_000,
            retryDelays: null,
            onChunkComplete: () => {
              chunks += 1;
            },
            onSuccess: () => done(`sent in ${chunks} chunks`),
            onError: (error: Error) => done(`refused: ${error.message}`),
          }).start();
        }),
      [url, sizeBytes] as const,
    );
  } finally {
    await page.close();
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}

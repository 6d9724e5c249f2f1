/** The query page (GraphiQL), bundled into `dist/graphiql` by `scripts/build.ts`. It loads nothing from any other origin. */

import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { ServiceError } from "../errors.ts";

/** Scripts and workers of this origin only. The editor sets styles from script, which is why those are allowed inline. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const types: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  ttf: "font/ttf",
};

/** What the build wrote: names of the files, and which of them the page begins with. */
interface Bundle {
  readonly script: string;
  readonly style: string;
  readonly files: readonly string[];
}

/** Answers the page to a browser. */
export type QueryPage = (request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/** Adds the page's files under `/graphiql/` and answers the page itself. */
export function addQueryPage(app: FastifyInstance, folder: string = builtFolder()): QueryPage {
  const bundle = readBundle(folder);
  const files = new Set(bundle?.files);
  app.get<{ Params: { name: string } }>(
    "/graphiql/:name",
    { config: { access: "READ" } },
    async (request, reply) => {
      const { name } = request.params;
      if (!files.has(name)) throw new ServiceError("NOT_FOUND", "The query page has no such file.");
      return reply
        .headers({
          "content-type": types[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream",
          "cache-control": /-[0-9A-Z]{8}\./.test(name) ? "private, max-age=31536000, immutable" : "no-cache",
          "x-content-type-options": "nosniff",
          "content-security-policy": contentSecurityPolicy,
        })
        .send(await readFile(join(folder, name)));
    },
  );
  return (request, reply) => {
    if (bundle === undefined) throw notBuilt();
    return reply
      .headers({
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": contentSecurityPolicy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
      })
      .send(pageOf(bundle, request.raw.url?.startsWith("/system/") === true));
  };
}

/** `dist/graphiql`, from the built program and from its source alike. */
function builtFolder(): string {
  const here = fileURLToPath(import.meta.url);
  return fileURLToPath(
    new URL(/[\\/]dist[\\/]src[\\/]/.test(here) ? "../../graphiql" : "../../dist/graphiql", import.meta.url),
  );
}

function readBundle(folder: string): Bundle | undefined {
  try {
    // as: the build writes this file, in this shape
    return JSON.parse(readFileSync(join(folder, "bundle.json"), "utf8")) as Bundle;
  } catch {
    return undefined;
  }
}

/** All references are relative, so that the page works behind a proxy that puts a path in front. */
function pageOf({ script, style }: Bundle, isSystem: boolean): string {
  const [endpoint, files] = isSystem ? ["/system/graphql", "../graphiql"] : ["/graphql", "graphiql"];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Holdfast · ${endpoint}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${files}/${style}">
</head>
<body>
<div id="page">Loading the query page…</div>
<script type="module" src="${files}/${script}"></script>
</body>
</html>
`;
}

function notBuilt(): ServiceError {
  return new ServiceError("NOT_FOUND", "The query page is not built.", {
    details: { remedy: "npm run build" },
  });
}

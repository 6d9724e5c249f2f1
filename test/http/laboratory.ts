/** A running server for the tests of HTTP: real database, real file stores in a temporary folder, real sockets. */

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { type IncomingHttpHeaders, type RequestOptions, request } from "node:http";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApolloServer } from "@apollo/server";
import { type Logger, pino } from "pino";
import { afterAll } from "vitest";
import { createDerivedFiles } from "../../src/api/derived-files.ts";
import type { Codec } from "../../src/codec/contract.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { connect } from "../../src/db/database.ts";
import { migrate } from "../../src/db/migrate.ts";
import { createFieldReader } from "../../src/http/field-reader.ts";
import type { GraphqlServer, RequestContext } from "../../src/http/graphql-route.ts";
import type { HealthCheck } from "../../src/http/health-route.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../../src/http/server.ts";
import { createObjects, type Objects } from "../../src/object/objects.ts";
import type { StoreConfig, Stores } from "../../src/store/contract.ts";
import { openStores } from "../../src/store/open.ts";
import { freshDatabase } from "../support/database.ts";

/** What objects and servers are made from; kept for one test file. */
export interface Laboratory {
  readonly folder: string;
  readonly db: Awaited<ReturnType<typeof connect>>;
  readonly stores: Stores;
  readonly objects: Objects;
  /** Starts a server on a free port; it is closed when the file is done. */
  serve(options?: Partial<ServeOptions>): Promise<Served>;
}

interface ServeOptions extends HttpServerOptions {
  readonly codecOf: (schema: string, table: string, column: string) => Codec | undefined;
  /** What makes files of objects. */
  readonly codecs: readonly Codec[];
  readonly health: readonly HealthCheck[];
  readonly entityApi: GraphqlServer;
}

/** A server that listens. */
export interface Served {
  readonly server: HttpServer;
  readonly port: number;
  readonly url: string;
  /** Every line that the server logged. */
  readonly log: string[];
}

/** Sets up a laboratory, on file stores unless another is given as `main`; call in `beforeAll`. */
export async function openLaboratory(main?: StoreConfig): Promise<Laboratory> {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-http-"));
  const db = await connect(await freshDatabase());
  await migrate(db);
  const stores = await openStores({
    stores: [main ?? (await fileStore(folder, "main")), await fileStore(folder, "raw")],
    defaultName: "main",
    filepathDefaultName: "raw",
    source: "test",
  });
  const objects = await createObjects({ db, stores });
  const running: HttpServer[] = [];
  afterAll(async () => {
    for (const server of running) await server.close();
    await objects.close();
    await db.close();
    await rm(folder, { recursive: true, force: true });
  });
  const serve: Laboratory["serve"] = async (options = {}) => {
    const served = await start({ db, stores, objects }, options);
    running.push(served.server);
    return served;
  };
  return { folder, db, stores, objects, serve };
}

async function fileStore(folder: string, name: string): Promise<StoreConfig> {
  const location = join(folder, name);
  await mkdir(location);
  return {
    name,
    protocol: "file",
    location,
    hashPrefix: "_hash",
    schemaPrefix: "_schema",
    tokenLength: 8,
    driver: {},
  };
}

async function start(
  parts: Pick<Laboratory, "db" | "stores" | "objects">,
  options: Partial<ServeOptions>,
): Promise<Served> {
  const log: string[] = [];
  const logger: Logger = pino({ level: "debug" }, { write: (line: string) => void log.push(line) });
  const server = await createHttpServer({
    host: "127.0.0.1",
    port: 0,
    version: "9.8.7",
    logger,
    stores: parts.stores,
    objects: parts.objects,
    readField: createFieldReader({ ...parts, codecOf: options.codecOf ?? (() => undefined) }),
    derived: createDerivedFiles(createRegistry(options.codecs ?? []), parts.objects.reader),
    checks: async () => options.health ?? [{ name: "database", ok: true, message: "answers" }],
    ...options,
    limits: { drainMs: 2000, ...options.limits },
  });
  await server.mountEntityApi(options.entityApi ?? (await graphqlServer("entity")));
  await server.mountSystemApi(await graphqlServer("system"));
  const { port, url } = await server.listen();
  return { server, port, url, log };
}

/** A small API that tells what it was called with. `slow` waits for `gate`. */
export async function graphqlServer(
  name: string,
  gate: Promise<unknown> = Promise.resolve(),
): Promise<GraphqlServer> {
  let changes = 0;
  const server = new ApolloServer<RequestContext>({
    typeDefs: `type Query { name: String! principal: String! rights: [String!]! baseUrl: String! changes: Int! slow: String! echo(text: String): String }
      type Mutation { change: Int! }`,
    resolvers: {
      Query: {
        name: () => name,
        principal: (_: unknown, __: unknown, context: RequestContext) => context.principal.name,
        rights: (_: unknown, __: unknown, context: RequestContext) => [...context.principal.rights],
        baseUrl: (_: unknown, __: unknown, context: RequestContext) => context.baseUrl,
        changes: () => changes,
        slow: () => gate.then(() => name),
        echo: (_: unknown, { text }: { text?: string }) => text,
      },
      Mutation: {
        change: () => {
          changes += 1;
          return changes;
        },
      },
    },
    includeStacktraceInErrorResponses: false,
  });
  await server.start();
  return server;
}

/** An answer, its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The first error of a JSON error answer. */
  error(): {
    readonly message: string;
    readonly extensions: { readonly code: string; readonly [more: string]: unknown };
  };
}

/** One request over a socket of its own, the path sent exactly as given. */
export function call(
  port: number,
  path: string,
  options: RequestOptions & { readonly body?: Uint8Array | string | AsyncIterable<Uint8Array> } = {},
): Promise<Answer> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, agent: false, ...rest }, (incoming) => {
      const pieces: Buffer[] = [];
      incoming.on("data", (piece: Buffer) => pieces.push(piece));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const whole = Buffer.concat(pieces);
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: whole,
          error: () => JSON.parse(whole.toString()).errors[0],
        });
      });
    });
    outgoing.on("error", reject);
    if (body === undefined || typeof body === "string" || body instanceof Uint8Array) outgoing.end(body);
    else void pour(body, outgoing).catch(reject);
  });
}

async function pour(body: AsyncIterable<Uint8Array>, outgoing: ReturnType<typeof request>): Promise<void> {
  for await (const piece of body) {
    if (!outgoing.write(piece)) await new Promise((resolve) => outgoing.once("drain", resolve));
  }
  outgoing.end();
}

/** Sends bytes as they are and answers everything that comes back until the server ends the connection. */
export function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket(port, "127.0.0.1", () => socket.write(text));
    let all = "";
    socket.setEncoding("latin1");
    socket.on("data", (piece: string) => {
      all += piece;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(all));
  });
}

/** Posts one operation. */
export async function graphql(
  port: number,
  query: string,
  options: { readonly path?: string; readonly headers?: Record<string, string> } = {},
): Promise<{
  readonly status: number;
  readonly json: { data?: Record<string, unknown>; errors?: { extensions: { code: string } }[] };
}> {
  const answer = await call(port, options.path ?? "/graphql", {
    method: "POST",
    headers: { "content-type": "application/json", ...options.headers },
    body: JSON.stringify({ query }),
  });
  return { status: answer.status, json: JSON.parse(answer.body.toString()) };
}

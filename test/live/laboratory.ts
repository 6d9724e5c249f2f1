/** Services in this process whose subscriptions are followed over real sockets, on a database that others write to as well. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient, type Client as SocketClient } from "graphql-ws";
import { Client } from "pg";
import { afterAll } from "vitest";
import { WebSocket } from "ws";
import { readSettings } from "../../src/cli/settings.ts";
import { type Service, startService } from "../../src/main.ts";
import { freshDatabase } from "../support/database.ts";

/** Tests say by what they read which shape they expect. */
// biome-ignore lint/suspicious/noExplicitAny: every test has its own shape
export type Answer = any;

export const sdl = `
extend schema @database(schema: "lab")

enum Mood { CALM WILD }

type Rig @table { rigId: Int! @key  name: String! @column(type: "varchar(20000)") }

type Session @table {
  sessionId: Int! @key
  rig: Rig
  title: String! @column(type: "varchar(120)")
  startedAt: DateTime
  mood: Mood!
  weight: Float
  big: BigInt
  notes: File @codec(name: "attach", store: "default")
  files: [File!]! @codec(name: "attach", store: "default")
}

type Trial @table { session: Session! @key  trialIdx: Int! @key  score: Float }
`;

/** One service, and what its users do. */
export interface Place {
  readonly service: Service;
  readonly databaseUrl: string;
  readonly folder: string;
  ask(query: string, variables?: object): Promise<Answer>;
  /** A client that keeps nothing open between tests. */
  client(options?: Partial<Parameters<typeof createClient>[0]>): SocketClient;
  save(text: string): void;
}

/** Starts a service; it is closed when the file is done. */
export async function openPlace(
  given: {
    readonly databaseUrl?: string;
    readonly environment?: Readonly<Record<string, string>>;
    readonly sdl?: string;
    readonly apply?: "safe" | "never";
  } = {},
): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-live-"));
  writeFileSync(join(folder, "schema.graphql"), given.sdl ?? sdl);
  const databaseUrl = given.databaseUrl ?? (await freshDatabase());
  const environment = {
    DATABASE_URL: databaseUrl,
    HOLDFAST_DATA: join(folder, "data"),
    PORT: "0",
    LOG_LEVEL: "silent",
    HOLDFAST_JOBS: "off",
    ...given.environment,
  };
  const service = await startService(readSettings({}, environment, folder), { apply: given.apply ?? "safe" });
  const clients: SocketClient[] = [];
  afterAll(async () => {
    for (const client of clients) await client.dispose();
    await service.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    service,
    databaseUrl,
    folder,
    save: (text) => writeFileSync(join(folder, "schema.graphql"), text),
    ask: async (query, variables = {}) => {
      const response = await fetch(`${service.url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query, variables }),
      });
      const answer: Answer = await response.json();
      if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
      return answer.data;
    },
    client: (options = {}) => {
      const client = createClient({
        url: `${service.url.replace("http", "ws")}/graphql`,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        ...options,
      });
      clients.push(client);
      return client;
    },
  };
}

/** A connection of somebody else's to the database. */
export async function stranger(databaseUrl: string): Promise<Client> {
  const client = new Client({ connectionString: databaseUrl });
  // Databases are dropped by force when a file is done.
  client.on("error", () => undefined);
  await client.connect();
  afterAll(() => client.end().catch(() => undefined));
  return client;
}

/** What one subscription was told. */
export interface Followed {
  readonly got: Answer[];
  /** Errors that it ended with, or results that were errors. */
  readonly errors: Answer[];
  /** Resolves when `count` results are there. @throws when the subscription ends before. */
  until(count: number): Promise<Answer[]>;
  /** Resolves when the subscription has ended. */
  readonly ended: Promise<void>;
  stop(): void;
}

/** Subscribes, and returns when the service surely tells of what comes. */
export async function follow(
  place: Place,
  query: string,
  {
    variables = {},
    client = place.client(),
  }: { readonly variables?: Record<string, unknown>; readonly client?: SocketClient } = {},
): Promise<Followed> {
  const got: Answer[] = [];
  const errors: Answer[] = [];
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const check of waiting) check();
  };
  const done = Promise.withResolvers<void>();
  let isDone = false;
  const { changes } = place.service;
  const before = changes.begun;
  const end = (error?: unknown): void => {
    if (error !== undefined) errors.push(...(Array.isArray(error) ? error : [error]));
    isDone = true;
    done.resolve();
    look();
  };
  const stop = client.subscribe<Answer>(
    { query, variables },
    {
      next: (result) => {
        if (result.errors !== undefined) errors.push(...result.errors);
        if (result.data != null) got.push(Object.values(result.data)[0]);
        look();
      },
      error: end,
      complete: () => end(),
    },
  );
  while (!isDone && changes.begun === before) await new Promise((resolve) => setTimeout(resolve, 5));
  return {
    got,
    errors,
    ended: done.promise,
    stop,
    until: async (count) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const check = (): void => {
        if (got.length >= count) resolve();
        else if (isDone)
          reject(new Error(`It ended with ${got.length} of ${count}: ${JSON.stringify(errors)}`));
      };
      waiting.add(check);
      check();
      await promise;
      waiting.delete(check);
      return got;
    },
  };
}

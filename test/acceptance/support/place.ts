/** A service of its own in a temporary folder, serving `everything.graphql`; and requests as no well-behaved client sends them. */

import { copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, type Environment, graphql, type RunningService, startHoldfast } from "./process.ts";

const schema = join(import.meta.dirname, "everything.graphql");

/** The folder, the service in it while it runs, and what can be asked of it. */
export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-place-"));
  readonly data = join(this.folder, "data");
  /** Location of the default store, `main`. */
  readonly store = join(this.data, "stores/main");
  private running: RunningService | undefined;

  /** Starts the service, once more on the same data where it was there before. */
  async start(env: Environment = {}): Promise<RunningService> {
    const path = join(this.folder, "schema.graphql");
    copyFileSync(schema, path);
    const args = ["--schema", path, "--data", this.data, "--port", "0", "--no-sample"];
    this.running = await startHoldfast(args, { cwd: this.folder, env });
    return this.running;
  }

  /** Starts and stops once, so that the store has its marker and faults are met by what the test does. */
  async prepare(): Promise<void> {
    const service = await this.start();
    await service.end("SIGTERM");
  }

  get service(): RunningService {
    if (this.running === undefined) throw new Error("the service was not started");
    return this.running;
  }

  get url(): string {
    return this.service.url;
  }

  /** Asks the entity API. */
  ask<Data = Readonly<Record<string, unknown>>>(
    query: string,
    variables: object = {},
  ): Promise<Answer<Data>> {
    return graphql<Data>(this.url, query, variables);
  }

  /** Asks the entity API for what must succeed. @throws with the errors otherwise. */
  async get<Data>(query: string, variables: object = {}): Promise<Data> {
    const { data, errors } = await this.ask<Data>(query, variables);
    if (errors !== undefined || data === undefined) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** Rows and registered objects: what a refused request must leave as it was. */
  async known(): Promise<unknown> {
    const rows = await this.get<object>(
      "{ speciesList { totalCount } samples { totalCount } items { totalCount } itemUnits { totalCount } }",
    );
    return { rows, objects: await this.objects() };
  }

  /** Locators of all registered objects. */
  async objects(): Promise<readonly string[]> {
    const response = await fetch(`${this.url}/system/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query: "{ objects(first: 1000) { nodes { locator } } }" }),
    });
    const { data } = (await response.json()) as {
      data: { objects: { nodes: readonly { locator: string }[] } };
    };
    return data.objects.nodes.map(({ locator }) => locator);
  }

  /** Paths of all files in the store, unfinished ones included. */
  files(): string[] {
    return readdirSync(this.store, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.store.length + 1))
      .sort();
  }

  /** Stops the service and removes the folder. */
  async close(): Promise<void> {
    await this.running?.end("SIGTERM");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** An answer read from a socket to its end. */
export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Opens a connection to the service. */
export function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((done, fail) => {
    const socket = connect(Number(port), hostname, () => done(socket));
    socket.once("error", fail);
  });
}

/** Sends bytes as they are and reads until the service closes; ask for `Connection: close`. */
export async function raw(url: string, request: string | Buffer): Promise<RawAnswer> {
  const socket = await dial(url);
  const pieces: Buffer[] = [];
  const ended = new Promise<void>((done) => {
    socket.on("data", (piece: Buffer) => pieces.push(piece));
    socket.on("error", () => done());
    socket.on("close", () => done());
  });
  socket.write(request);
  await ended;
  const text = Buffer.concat(pieces).toString("latin1");
  const [head = "", ...rest] = text.split("\r\n\r\n");
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]), head, body: rest.join("\r\n\r\n") };
}

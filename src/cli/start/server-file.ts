/** Where the running server of a data folder can be reached: a file that only the owner may read, gone when the server stops. */

import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A server that owns a data folder. */
export interface RunningServer {
  readonly pid: number;
  /** `http://127.0.0.1:4000` */
  readonly url: string;
  /** Which database, for people and to compare: a folder, or host and name. */
  readonly database: string;
  readonly schemaPath: string;
  /** Of the private database, with its password: that is why only the owner may read the file. Never a `DATABASE_URL`. */
  readonly databaseUrl?: string;
}

const fileIn = (dataFolder: string) => join(dataFolder, "server.json");

/** Tells other commands where this process serves. Answers a function that takes the word back. */
export async function announceServer(
  dataFolder: string,
  server: RunningServer,
): Promise<() => Promise<void>> {
  const file = fileIn(dataFolder);
  const fresh = `${file}.${server.pid}`;
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await writeFile(fresh, `${JSON.stringify(server)}\n`, { mode: 0o600 });
  await chmod(fresh, 0o600);
  await rename(fresh, file);
  return async () => {
    const said = await read(file);
    if (said?.pid === server.pid) await rm(file, { force: true });
  };
}

/** The server that owns the folder, if one answers now. */
export async function runningServer(dataFolder: string): Promise<RunningServer | undefined> {
  const said = await read(fileIn(dataFolder));
  if (said === undefined) return undefined;
  try {
    const response = await fetch(new URL("/healthz", said.url), { signal: AbortSignal.timeout(2000) });
    return response.ok ? said : undefined;
  } catch {
    return undefined;
  }
}

async function read(file: string): Promise<RunningServer | undefined> {
  try {
    // Written by announceServer, in a folder that only the owner may write.
    return JSON.parse(await readFile(file, "utf8")) as RunningServer;
  } catch {
    return undefined;
  }
}

/** The database of a service: the one that was named, or the private one in the data folder. */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type DataLock, lockData } from "../../db/data-lock.ts";
import { startEmbedded } from "../../db/embedded.ts";
import { folderError } from "../../db/folder-error.ts";
import type { Settings } from "../settings.ts";

/** A database that can be connected to. */
export interface OpenedDatabase {
  readonly kind: "embedded" | "external";
  readonly url: string;
  /** For people: a folder, or host and name without a password. */
  readonly place: string;
  /** True when this start made it. */
  readonly created: boolean;
  /** Resolves when a private server ends by itself. */
  readonly exited: Promise<number | null>;
  /** Writes down where the service listens, for the message that a second start gets. */
  announce(address: string): Promise<void>;
  stop(): Promise<void>;
}

/** @throws {DATA_IN_USE} when another process owns the folder, {DATABASE_UNAVAILABLE} when PostgreSQL does not come up. */
export async function openDatabase(settings: Settings): Promise<OpenedDatabase> {
  if (settings.databaseUrl !== undefined) return external(settings.databaseUrl, databasePlace(settings));
  await mkdir(settings.dataFolder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw folderError(error, settings.dataFolder);
  });
  const lock = await lockData(settings.dataFolder);
  try {
    return await embedded(databasePlace(settings), lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Which database the settings name, for people and to compare: a folder, or host and name without a password. */
export function databasePlace({ databaseUrl, dataFolder }: Settings): string {
  if (databaseUrl === undefined) return join(dataFolder, "postgres");
  const { host, pathname } = new URL(databaseUrl);
  return `${host}${pathname}`;
}

function external(url: string, place: string): OpenedDatabase {
  const nothing = async () => undefined;
  return {
    kind: "external",
    url,
    place,
    created: false,
    exited: new Promise<null>(() => undefined),
    announce: nothing,
    stop: nothing,
  };
}

async function embedded(folder: string, lock: DataLock): Promise<OpenedDatabase> {
  const server = await startEmbedded({ folder });
  return {
    kind: "embedded",
    url: server.url,
    place: folder,
    created: server.created,
    exited: server.exited,
    announce: (address) => lock.announce(address),
    stop: async () => {
      await server.stop();
      await lock.release();
    },
  };
}

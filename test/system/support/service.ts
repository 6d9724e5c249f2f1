/** A whole service in this process, on a database of the test run, asked over HTTP as its users do. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { readSettings } from "../../../src/cli/settings.ts";
import { createToken, type Right } from "../../../src/http/tokens.ts";
import { startService } from "../../../src/main.ts";
import { freshDatabase } from "../../support/database.ts";

/** An answer; tests say by what they read which shape they expect. */
export interface Answered {
  // biome-ignore lint/suspicious/noExplicitAny: every test has its own shape
  readonly data?: any;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions: Readonly<Record<string, unknown>>;
  }[];
}

export interface World {
  readonly folder: string;
  readonly url: string;
  /** A token with the right. */
  token(right: Right): string;
  readonly service: Awaited<ReturnType<typeof startService>>;
  /** Replaces the schema file. */
  save(sdl: string): void;
  /** Asks the system API. */
  system(query: string, variables?: object, right?: Right): Promise<Answered>;
  /** Asks the entity API. */
  entity(query: string, variables?: object, right?: Right): Promise<Answered>;
}

/** Starts a service for one test file; it is closed when the file is done. `settings` are environment variables. */
export async function openWorld(
  sdl: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-system-"));
  const schema = join(folder, "schema.graphql");
  writeFileSync(schema, sdl);
  const tokens = new Map(
    (["READ", "WRITE", "ADMIN"] as const).map((right) => [right, createToken({ name: `a ${right}`, right })]),
  );
  const tokensFile = join(folder, "tokens");
  writeFileSync(tokensFile, [...tokens.values()].map(({ line }) => line).join(""), { mode: 0o600 });
  const environment = {
    DATABASE_URL: await freshDatabase(),
    HOLDFAST_DATA: join(folder, "data"),
    HOLDFAST_TOKENS: tokensFile,
    PORT: "0",
    LOG_LEVEL: "silent",
    HOLDFAST_JOBS: "off",
    ...settings,
  };
  const service = await startService(readSettings({}, environment, folder), { apply: "safe" });
  afterAll(async () => {
    await service.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const ask = async (path: string, body: object, right: Right): Promise<Answered> => {
    const response = await fetch(new URL(path, service.url), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${tokens.get(right)?.token}`,
      },
      body: JSON.stringify(body),
    });
    return (await response.json()) as Answered;
  };
  return {
    folder,
    url: service.url,
    token: (right) => tokens.get(right)?.token ?? "",
    service,
    save: (text) => writeFileSync(schema, text),
    system: (query, variables = {}, right = "ADMIN") => ask("/system/graphql", { query, variables }, right),
    entity: (query, variables = {}, right = "ADMIN") => ask("/graphql", { query, variables }, right),
  };
}

/** The code of the first error. */
export function codeOf({ errors }: Answered): unknown {
  return errors?.[0]?.extensions["code"];
}

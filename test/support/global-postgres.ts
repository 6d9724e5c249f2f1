/** One embedded PostgreSQL for the whole test run, in a temporary folder; each test file makes databases of its own in it. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startEmbedded } from "../../src/db/embedded.ts";

declare module "vitest" {
  export interface ProvidedContext {
    postgresUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  // Many short runs one after the other share a server: `npm run test:mutants`.
  const running = process.env["HOLDFAST_TEST_POSTGRES"];
  if (running !== undefined) {
    project.provide("postgresUrl", running);
    return undefined;
  }
  const folder = await mkdtemp(join(tmpdir(), "holdfast-test-"));
  // The data are thrown away with the folder, so durability is not worth its price here.
  const server = await startEmbedded({
    folder,
    settings: ["fsync=off", "synchronous_commit=off", "full_page_writes=off"],
  });
  project.provide("postgresUrl", server.url);
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

/** The sample laboratory at the first start: only into a database that this data folder's start made, only for the sample's own schema. */

import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Service } from "../../main.ts";
import { measureClock } from "../../sample/clock.ts";
import { protocolPath, protocolText, simulate } from "../../sample/laboratory.ts";
import { loadMeasurement, loadSimulation } from "../../sample/load.ts";
import { simulatedSessionId } from "../../sample/rows.ts";
import type { StoreConfigs } from "../../store/config.ts";
import type { Output } from "../output.ts";
import type { Settings } from "../settings.ts";
import { packageFolder } from "../version.ts";
import { readStores } from "./load-model.ts";
import { isSamplePending, markSampleLoaded, markSamplePending } from "./sample-state.ts";

/** Remembers, before the database is made, that it is to get the sample: a start that is killed half-way is finished by the next. */
export async function prepareSample(settings: Settings): Promise<void> {
  if (settings.databaseUrl !== undefined || (await exists(join(settings.dataFolder, "postgres")))) return;
  if (!(await isSampleSchema(settings))) return;
  await mkdir(settings.dataFolder, { recursive: true, mode: 0o700 });
  await markSamplePending(settings.dataFolder);
}

async function isSampleSchema({ schemaPath }: Settings): Promise<boolean> {
  const text = (path: string) => readFile(path, "utf8").catch(() => undefined);
  const own = await text(schemaPath);
  return own !== undefined && own === (await text(join(packageFolder(), "schema.graphql")));
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Loads what is still to be loaded; rows that are there already are left alone. A failure is told and stops nothing: the next start goes on. */
export async function loadSample(
  service: Service,
  { output, say }: { output: Output; say(text: string): void },
): Promise<void> {
  const { dataFolder, tokensFile, token } = service.settings;
  if (!(await isSamplePending(dataFolder))) return;
  if (tokensFile !== undefined && token === undefined) {
    say("The sample laboratory is not loaded: it needs a token with WRITE in HOLDFAST_TOKEN.");
    return;
  }
  try {
    await placeProtocol(await readStores(service.settings));
    const endpoint = { url: service.url, token };
    await loadSimulation(endpoint, simulate(), output.progress("simulated session"));
    const session = { sessionId: simulatedSessionId + 1, measurement: measureClock() };
    await loadMeasurement(endpoint, session, output.progress("measured session"));
    await markSampleLoaded(dataFolder);
  } catch (error) {
    service.logger.error({ err: error }, "loading the sample laboratory");
    say("The sample laboratory is not loaded completely; the next start goes on with it.");
  }
}

/** The protocol is a file of the user's own, so it is put where a user would put it: into the store of such files. */
export async function placeProtocol({ stores, filepathDefaultName }: StoreConfigs): Promise<void> {
  const store = stores.find(({ name }) => name === filepathDefaultName);
  if (store?.protocol !== "file") return;
  const path = join(store.location, protocolPath);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, protocolText);
}

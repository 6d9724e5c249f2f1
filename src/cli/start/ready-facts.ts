/** What the banner tells of a service that has just come up. */

import { request } from "../../client/request.ts";
import type { Service } from "../../main.ts";
import { packageVersion } from "../version.ts";
import type { Ready } from "./banner.ts";

const defaultPort = 4000;

export async function readyFacts(service: Service): Promise<Ready> {
  const { url, settings, database, db, stores, engine, readyMs } = service;
  const port = Number(new URL(url).port);
  const { rows } = await db.query<{ objects: string }>(
    "SELECT count(*)::text AS objects FROM holdfast.object",
  );
  const arrayUrl = await sampleArray(service);
  return {
    version: packageVersion(),
    readyMs,
    url,
    ...(settings.portGiven || port === defaultPort ? {} : { movedFrom: defaultPort }),
    database: database.kind,
    databasePlace: database.place,
    stores: [...stores.all.values()].map(({ config }) => ({
      name: config.name,
      location: config.location,
      isDefault: config.name === stores.defaultName,
    })),
    schemaPath: settings.schemaPath,
    entities: engine.model().entities.length,
    rows: await estimatedRows(service),
    objects: rows[0]?.objects ?? "0",
    ...(arrayUrl === undefined ? {} : { arrayUrl }),
    warnings: warningsOf(service),
  };
}

/** Counted exactly while small; tables that PostgreSQL knows to be large are estimated. */
async function estimatedRows({ db, engine }: Service): Promise<string> {
  let total = 0n;
  let exact = true;
  for (const { schema, table } of engine.model().entities) {
    const { rows } = await db.query<{ estimate: string }>(
      "SELECT coalesce((SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass($1)), -2)::text AS estimate",
      [`"${schema}"."${table}"`],
    );
    const estimate = BigInt(rows[0]?.estimate ?? -2);
    if (estimate === -2n) continue;
    if (estimate > 100_000n) {
      total += estimate;
      exact = false;
    } else {
      const counted = await db.query<{ n: string }>(`SELECT count(*)::text AS n FROM "${schema}"."${table}"`);
      total += BigInt(counted.rows[0]?.n ?? 0);
    }
  }
  return `${exact ? "" : "about "}${total}`;
}

/** The last sweep of the sample, where it is what is served. */
async function sampleArray({ url, engine, settings }: Service): Promise<string | undefined> {
  const recording = engine.model().entity.get("Recording");
  if (recording === undefined || !recording.columns.some(({ field }) => field === "voltage"))
    return undefined;
  try {
    const data = await request<{ recordings: { nodes: { voltage: { url: string } | null }[] } }>(
      { url, token: settings.token },
      "{ recordings(last: 1) { nodes { voltage { url(expiresIn: 604800) } } } }",
    );
    return data.recordings.nodes[0]?.voltage?.url;
  } catch {
    // A schema of the user's own with these names: the banner does without.
    return undefined;
  }
}

function warningsOf({ database, stores, storeProblems }: Service): string[] {
  const main = stores.defaultName === undefined ? undefined : stores.all.get(stores.defaultName);
  const problems = [...storeProblems.values()];
  if (database.kind === "embedded" || main?.config.protocol !== "file") return problems;
  return [
    ...problems,
    `the default store ${main.config.name} is a folder of this machine (${main.config.location}); other machines cannot read it.`,
  ];
}

/** Objects that lie around a killed one, or inside of it: whoever registers one later is not asked about tombstones. */

import type { Database } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import { locatorOf } from "../object/locator.ts";
import { manifestPath } from "../object/manifest.ts";
import type { Tombstone } from "./claim.ts";
import { probing } from "./probe.ts";
import type { Task } from "./task.ts";

/** What lies around one killed object. */
export interface Around {
  /** A live object, or an upload, that has, or is in, the keys of the tombstone. */
  readonly blocker: string | null;
  /** Whether `path.manifest.json` is an object of its own. */
  readonly manifest: boolean;
}

const aroundText = `WITH dead AS (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS d (locator, manifest, folder, n)),
     above AS (SELECT * FROM unnest($4::int[], $5::text[]) AS u (n, locator))
   SELECT dead.n::int AS n, near.locator AS blocker,
     EXISTS (SELECT FROM holdfast.object WHERE locator = dead.manifest) OR EXISTS (SELECT FROM holdfast.upload WHERE locator = dead.manifest)
       OR EXISTS (SELECT FROM holdfast.tombstone WHERE locator = dead.manifest AND hidden_at IS NULL) AS manifest
   FROM dead LEFT JOIN LATERAL (
     SELECT locator FROM holdfast.object WHERE locator = ANY (ARRAY(SELECT above.locator FROM above WHERE above.n = dead.n))
     UNION ALL SELECT locator FROM holdfast.object WHERE locator = dead.folder AND tree
     UNION ALL SELECT locator FROM holdfast.upload WHERE locator = ANY (ARRAY(SELECT above.locator FROM above WHERE above.n = dead.n))
     UNION ALL (SELECT locator FROM holdfast.object WHERE locator > dead.locator || '/' AND locator < dead.locator || '0' LIMIT 1)
     UNION ALL (SELECT locator FROM holdfast.upload WHERE locator > dead.locator || '/' AND locator < dead.locator || '0' LIMIT 1)
     LIMIT 1) AS near ON true`;

/** Looks around killed objects of one store, all at once; by the id of the tombstone. */
export async function lookAround(
  db: Database,
  store: string,
  tombstones: readonly Tombstone[],
): Promise<ReadonlyMap<string, Around>> {
  const end = manifestPath("");
  const above = tombstones.flatMap(({ path }, at) => {
    const segments = path.split("/");
    return segments
      .slice(1)
      .map((_, depth) => [at + 1, locatorOf(store, segments.slice(0, depth + 1).join("/"))] as const);
  });
  const rows = await probing<Around & { n: number }>(
    db,
    aroundText,
    [
      tombstones.map(({ locator }) => locator),
      tombstones.map(({ locator }) => manifestPath(locator)),
      tombstones.map(({ locator }) => (locator.endsWith(end) ? locator.slice(0, -end.length) : null)),
      above.map(([n]) => n),
      above.map(([, locator]) => locator),
    ],
    { name: "collector-around" },
  );
  return new Map(rows.map(({ n, ...around }) => [tombstones[n - 1]?.id ?? "", around]));
}

/**
 * Answers whether `path.manifest.json` is an object of its own.
 * @throws {CONFLICT} when a live object, or an upload, lies inside the killed one or around it: then its keys cannot be told apart.
 */
export async function hasOwnManifest({ context, store, claim: { tombstone } }: Task): Promise<boolean> {
  const found = await lookAround(context.db, store.config.name, [tombstone]);
  return checkAround(tombstone, found.get(tombstone.id));
}

/** The same of what was found already. */
export function checkAround({ locator }: Tombstone, around: Around | undefined): boolean {
  const { blocker = null, manifest = false } = around ?? {};
  if (blocker === null) return manifest;
  throw new ServiceError(
    "CONFLICT",
    `The object ${blocker} lies around or inside of ${locator}, which was killed.`,
    {
      details: {
        value: blocker,
        remedy: "Nothing is hidden until one of the two is written under another path.",
      },
    },
  );
}

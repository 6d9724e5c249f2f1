/** Objects that lie around a killed one, or inside of it: whoever registers one later is not asked about tombstones. */

import { ServiceError } from "../errors.ts";
import { locatorOf } from "../object/locator.ts";
import { manifestPath } from "../object/manifest.ts";
import type { Task } from "./task.ts";

interface Found {
  /** A live object that has, or is in, the keys of the tombstone. */
  blocker: string | null;
  manifest: boolean;
}

/**
 * Answers whether `path.manifest.json` is an object of its own.
 * @throws {CONFLICT} when a live object, or an upload, lies inside the killed one or around it: then its keys cannot be told apart.
 */
export async function hasOwnManifest({ context, store, claim }: Task): Promise<boolean> {
  const { locator, path } = claim.tombstone;
  const segments = path.split("/");
  const around = segments
    .slice(1)
    .map((_, at) => locatorOf(store.config.name, segments.slice(0, at + 1).join("/")));
  const manifest = manifestPath("");
  const tree = locator.endsWith(manifest) ? locator.slice(0, -manifest.length) : null;
  const { rows } = await context.db.query<Found>(
    `WITH near AS (
       SELECT locator FROM holdfast.object WHERE locator = ANY ($2) OR (locator = $4 AND tree)
       UNION ALL SELECT locator FROM holdfast.upload WHERE locator = ANY ($2)
       UNION ALL (SELECT locator FROM holdfast.object WHERE locator > $1 || '/' AND locator < $1 || '0' LIMIT 1)
       UNION ALL (SELECT locator FROM holdfast.upload WHERE locator > $1 || '/' AND locator < $1 || '0' LIMIT 1))
     SELECT (SELECT locator FROM near LIMIT 1) AS blocker,
       EXISTS (SELECT FROM holdfast.object WHERE locator = $3) OR EXISTS (SELECT FROM holdfast.upload WHERE locator = $3)
       OR EXISTS (SELECT FROM holdfast.tombstone WHERE locator = $3 AND hidden_at IS NULL) AS manifest`,
    [locator, around, manifestPath(locator), tree],
    { name: "collector-neighbours" },
  );
  const { blocker = null, manifest: hasOwn = false } = rows[0] ?? {};
  if (blocker === null) return hasOwn;
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

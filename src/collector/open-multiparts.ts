/** Multipart uploads that were begun in our sections and forgotten: they cost room and no listing shows them. */

import { locatorOf } from "../object/locator.ts";
import type { OpenMultipart } from "../store/contract.ts";
import type { Check } from "./check.ts";
import { adoptedSchemas, sectionsOf } from "./sections.ts";

/** Nothing that is under way takes as long: uploads live a day. */
const forgottenMs = 25 * 3_600_000;

/** Tells of forgotten multipart uploads, and with `apply` aborts them. */
export async function checkMultiparts(check: Check): Promise<void> {
  const { context, store, run, findings, apply } = check;
  const ability = store.driver.multipart;
  if (ability === undefined) return;
  const sections = sectionsOf(store.config, await adoptedSchemas(context.db));
  for (const prefix of [...sections.prefixes, "_trash/"]) {
    for await (const open of ability.open(prefix, run.signal)) {
      const isOurs = prefix === "_trash/" || sections.rootOf(open.path) !== undefined;
      if (!isOurs || Date.now() - open.startedAt.getTime() < forgottenMs) continue;
      if (await isWanted(check, open)) continue;
      const message = `A multipart upload, begun ${open.startedAt.toISOString()}, is neither completed nor aborted.`;
      if (apply) await ability.abort(open.path, open.uploadId, run.signal);
      await findings.tell("OPEN_MULTIPART", open.path, apply ? "cleaned" : "left", message);
    }
  }
}

/** Whether an upload that is not over has it, by its name or by its key. */
async function isWanted({ context, store }: Check, { path, uploadId }: OpenMultipart): Promise<boolean> {
  const { name } = store.config;
  const { rowCount } = await context.db.query(
    `SELECT FROM holdfast.upload u WHERE u.expires_at > clock_timestamp()
       AND (u.locator = $1 OR u.multipart = $2 OR starts_with($1, u.locator || '/'))
     UNION ALL SELECT FROM holdfast.upload_resume r WHERE r.handle = $2 AND r.store = $3 AND r.path = $4
     UNION ALL SELECT FROM holdfast.upload_declared d JOIN holdfast.upload_detail u ON u.id = d.upload
       WHERE d.multipart = $2 AND u.expires_at > clock_timestamp() LIMIT 1`,
    [locatorOf(name, path), uploadId, name, path],
  );
  return rowCount > 0;
}

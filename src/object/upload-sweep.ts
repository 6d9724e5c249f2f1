/**
 * Cleaning up behind uploads that are over: multipart uploads that are still open at keys which an upload of ours had reserved are aborted,
 * whoever began them and whether or not their names were ever written down. Objects are not touched; those are the collector's.
 */

import type { OpenMultipart } from "../store/contract.ts";
import { periodically } from "./periodic.ts";
import { multipartOf } from "./upload-parts.ts";
import type { UploadContext } from "./upload-receive.ts";

/** Uploads that one look takes; several processes take different ones. */
const batch = 20;
/** How long a look keeps others from the same uploads. */
const claimMs = 600_000;
/** After so long nothing that was on its way when the upload ended can arrive any more. */
const settledMs = 3_600_000;

interface Over {
  id: string;
  kind: "FILE" | "TREE";
  store: string;
  path: string;
  open: boolean;
  settled: boolean;
}

/** Told what could not be cleaned; it is tried again. */
export type SweepLog = (error: unknown, upload: string) => void;

type SweepContext = Pick<UploadContext, "db" | "stores">;

/** Cleans up behind a few uploads that are over, of one store if one is named, and answers how many it looked at. */
export async function sweepUploads(context: SweepContext, log: SweepLog, store?: string): Promise<number> {
  const due = await takeDue(context, store);
  for (const upload of due) {
    try {
      if (!upload.open) await abortLeft(context, upload);
      await settle(context, upload);
    } catch (error) {
      log(error, upload.id);
      await putOff(context, upload.id);
    }
  }
  return due.length;
}

/** An upload whose time was prolonged is not over; it comes again. */
async function takeDue({ db }: SweepContext, store: string | undefined): Promise<readonly Over[]> {
  const { rows } = await db.query<Over>(
    `WITH due AS (SELECT id FROM holdfast.upload_detail WHERE sweep_at < clock_timestamp() AND ($4::text IS NULL OR store = $4)
       ORDER BY sweep_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
     UPDATE holdfast.upload_detail d SET sweep_at = clock_timestamp() + $2::float8 * interval '1 ms' FROM due WHERE d.id = due.id
     RETURNING d.id, d.kind, d.store, d.path, d.expires_at > clock_timestamp() AS open,
       d.expires_at < clock_timestamp() - $3::float8 * interval '1 ms' AS settled`,
    [batch, claimMs, settledMs, store ?? null],
  );
  return rows;
}

async function abortLeft(context: SweepContext, upload: Over): Promise<void> {
  const ability = multipartOf(context, upload.store);
  const { rows } = await context.db.query<{ path: string; multipart: string }>(
    "SELECT path, multipart FROM holdfast.upload_declared WHERE upload = $1 AND multipart IS NOT NULL AND assembled_at IS NULL",
    [upload.id],
  );
  for (const { path, multipart } of rows)
    await ability.abort(path === "" ? upload.path : `${upload.path}/${path}`, multipart);
  const left: OpenMultipart[] = [];
  // Other keys may begin alike: only this one, and those inside of it, were ours.
  for await (const open of ability.open(upload.path)) {
    if (open.path === upload.path || open.path.startsWith(`${upload.path}/`)) left.push(open);
  }
  for (const { path, uploadId } of left) await ability.abort(path, uploadId);
}

/** Done; or, as long as something may still be on its way, another look later. */
async function settle({ db }: SweepContext, upload: Over): Promise<void> {
  if (upload.settled)
    await db.query("UPDATE holdfast.upload_detail SET sweep_at = NULL WHERE id = $1", [upload.id]);
  else
    await db.query(
      `UPDATE holdfast.upload_detail SET sweep_at = CASE WHEN expires_at > clock_timestamp() THEN expires_at
         ELSE expires_at + ($2 + 1000) * interval '1 ms' END WHERE id = $1`,
      [upload.id, settledMs],
    );
}

/** Longer each time, a day at most. */
async function putOff({ db }: SweepContext, id: string): Promise<void> {
  await db.query(
    `UPDATE holdfast.upload_detail SET sweep_at = clock_timestamp()
       + least(interval '1 day', greatest(interval '5 min', (clock_timestamp() - expires_at) / 2)) WHERE id = $1`,
    [id],
  );
}

/** Sweeps now and every `everyMs`, until closed. What fails is told and tried again. */
export function startSweeping(
  context: SweepContext,
  { everyMs, log }: { readonly everyMs: number; readonly log: SweepLog },
): { close(): Promise<void> } {
  const sweep = async (closing: AbortSignal): Promise<void> => {
    while (!closing.aborted && (await sweepUploads(context, log)) === batch);
  };
  return periodically(everyMs, sweep, (error) => log(error, ""));
}

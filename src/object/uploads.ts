/** Uploads: a reserved key and a promise of bytes. They go straight to the key that the row will name; nothing is copied later. */

import type { Queryable } from "../db/contract.ts";
import type { UploadRequest, UploadState, Uploads } from "./contract.ts";
import { abortUpload } from "./upload-abort.ts";
import { createUpload } from "./upload-create.ts";
import { Completions } from "./upload-finish.ts";
import { type ImportOptions, importUpload } from "./upload-import.ts";
import { signParts } from "./upload-parts.ts";
import { firstParts, partsTold, progress } from "./upload-progress.ts";
import { receive, type UploadContext } from "./upload-receive.ts";
import { loadUpload, stateOf } from "./upload-record.ts";
import { createResumableUploads } from "./upload-resume.ts";
import { endUpload } from "./upload-verify.ts";

/** The uploads of a service; `waitMs`: how long one completion waits. Closing stops what is being completed. */
export function createUploads(
  context: UploadContext,
  imports: ImportOptions,
  waitMs?: number,
): Uploads & { close(): Promise<void> } {
  const completions = new Completions(context, waitMs);
  const get = async (id: string, queryable: Queryable = context.db): Promise<UploadState> =>
    stateOf(await loadUpload(queryable, id));
  return {
    resumable: createResumableUploads(context),
    create: (request) => create(context, request),
    get,
    progress: (id, options = {}) => progress(context, id, options),
    receive: async (id, body, options) => {
      await receive(context, id, { body, options });
      return get(id);
    },
    import: async (id, url, caller) => {
      await importUpload(context, imports, { id, url, caller });
      return get(id);
    },
    signParts: (id, request, caller = {}) => signParts(context, id, { request, caller }),
    complete: async (id, options = {}) => partsTold(context, await completions.finish(id, options)),
    abort: async (id, caller = {}) => stateOf(await abortUpload(context, id, caller)),
    close: () => completions.close(),
  };
}

async function create(context: UploadContext, request: UploadRequest): Promise<UploadState> {
  const id = await createUpload(context, request);
  try {
    return await firstParts(context, await loadUpload(context.db, id), request.target.signal);
  } catch (error) {
    // Nobody will ever know its id.
    await endUpload(context.db, id).catch(() => undefined);
    throw error;
  }
}

/** Uploads: a reserved key and a promise of bytes. They go straight to the key that the row will name; nothing is copied later. */

import type { Queryable } from "../db/contract.ts";
import type { UploadState, Uploads } from "./contract.ts";
import { complete } from "./upload-complete.ts";
import { createUpload } from "./upload-create.ts";
import { type ImportOptions, importUpload } from "./upload-import.ts";
import { receive, type UploadContext } from "./upload-receive.ts";
import { loadUpload, stateOf } from "./upload-record.ts";
import { createResumableUploads } from "./upload-resume.ts";

/** The uploads of a service. */
export function createUploads(context: UploadContext, imports: ImportOptions): Uploads {
  const get = async (id: string, queryable: Queryable = context.db): Promise<UploadState> =>
    stateOf(await loadUpload(queryable, id));
  return {
    resumable: createResumableUploads(context),
    create: async (request) => get(await createUpload(context, request)),
    get,
    receive: async (id, body, options) => {
      await receive(context, id, { body, options });
      return get(id);
    },
    import: async (id, url, caller) => {
      await importUpload(context, imports, { id, url, caller });
      return get(id);
    },
    complete: async (id) => stateOf(await complete(context, id)),
  };
}

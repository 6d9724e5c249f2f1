/** Uploads: a reserved key and a promise of bytes. They go straight to the key that the row will name; nothing is copied later. */

import type { Queryable } from "../db/contract.ts";
import type { UploadState, Uploads } from "./contract.ts";
import { complete } from "./upload-complete.ts";
import { createUpload } from "./upload-create.ts";
import { receive, type UploadContext } from "./upload-receive.ts";
import { loadUpload, stateOf } from "./upload-record.ts";

/** The uploads of a service. */
export function createUploads(context: UploadContext): Uploads {
  const get = (id: string, queryable: Queryable = context.db): Promise<UploadState> =>
    readState(queryable, id);
  return {
    create: async (request) => get(await createUpload(context, request)),
    get,
    receive: async (id, body, options) => {
      await receive(context, id, { body, options });
      return get(id);
    },
    complete: async (id) => {
      await complete(context, id);
      return get(id);
    },
  };
}

async function readState(queryable: Queryable, id: string): Promise<UploadState> {
  const record = await loadUpload(queryable, id);
  const { rows } = await queryable.query<{ bytes: number }>(
    "SELECT coalesce(sum(size), 0)::float8 AS bytes FROM holdfast.upload_file WHERE upload = $1",
    [id],
  );
  return stateOf(record, rows[0]?.bytes ?? 0);
}

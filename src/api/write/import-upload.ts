/** `importUpload` for whoever asks: the entity API and the system API. */

import { type OfferedUpload, offered, type UploadCaller, type UploadSides } from "./request-upload.ts";

/** An upload and the URL that it is to be filled from. */
export interface ImportInput {
  readonly id: string;
  readonly url: string;
}

/** Runs work that may take longer than a connection may be idle. */
export type Patience = <T>(work: () => Promise<T>) => Promise<T>;

/** Fills an upload from a URL; answered when all bytes are in. */
export async function importUpload(
  services: UploadSides,
  { id, url }: ImportInput,
  caller: UploadCaller & { readonly patience?: Patience | undefined },
): Promise<OfferedUpload> {
  const { name: principal, signal, patience } = caller;
  const work = () => services.uploads.import(id, url, { principal, signal });
  return offered(services, await (patience === undefined ? work() : patience(work)), caller);
}

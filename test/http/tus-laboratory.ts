/** A tus client against a server of the laboratory, and requests by hand. */

import { DetailedError, Upload, type UploadOptions } from "tus-js-client";
import type { UploadRequest, UploadState } from "../../src/object/contract.ts";
import { type Answer, call, type Laboratory } from "./laboratory.ts";

/** An upload and the path of its resumable URL. */
export type Created = UploadState & { readonly url: string };

/** Makes an upload of one file. */
export async function created(lab: Laboratory, more: Partial<UploadRequest> = {}): Promise<Created> {
  const state = await lab.objects.uploads.create({
    target: { store: "main", addressing: "schema", schema: "lab", table: "t", column: "c", key: [] },
    field: "T.c",
    kind: "FILE",
    filename: "a.bin",
    ...more,
  });
  return { ...state, url: `/tus/${lab.objects.capabilities.sign({ kind: "upload", id: state.id })}` };
}

/** Sends `bytes` by the client, from where the server is. @throws what the client tells. */
export function sendByClient(
  url: string,
  bytes: Buffer,
  options: Partial<UploadOptions> = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    new Upload(bytes, {
      uploadUrl: url,
      retryDelays: null,
      ...options,
      onSuccess: () => resolve(),
      onError: reject,
    }).start();
  });
}

/** The status that made the client give up. */
export async function refusal(work: Promise<void>): Promise<number | undefined> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DetailedError) return error.originalResponse?.getStatus();
  throw error ?? new Error("nothing was refused");
}

const version = { "tus-resumable": "1.0.0" };

/** One PATCH by hand. */
export function patch(
  port: number,
  url: string,
  {
    offset,
    body,
    headers = {},
  }: { offset: number; body?: Uint8Array | AsyncIterable<Uint8Array>; headers?: object },
): Promise<Answer> {
  return call(port, url, {
    method: "PATCH",
    headers: {
      ...version,
      "content-type": "application/offset+octet-stream",
      "upload-offset": offset,
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
}

export function head(port: number, url: string, headers: object = {}): Promise<Answer> {
  return call(port, url, { method: "HEAD", headers: { ...version, ...headers } });
}

export function terminate(port: number, url: string): Promise<Answer> {
  return call(port, url, { method: "DELETE", headers: version });
}

/** The offset that HEAD tells. */
export async function offsetOf(port: number, url: string): Promise<number> {
  return Number((await head(port, url)).headers["upload-offset"]);
}

/** Uploads and data URLs over HTTP. */

import type { Place } from "./place.ts";

/** An upload as `createUpload` answers it. */
export interface Upload {
  readonly id: string;
  readonly url: string;
  readonly resumableUrl: string;
}

/** Creates an upload for a field of `Item`. */
export async function createUpload(place: Place, field: string, more: object = {}): Promise<Upload> {
  const { createUpload: upload } = await place.get<{ createUpload: Upload }>(
    "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url resumableUrl } }",
    { input: { target: { type: "Item", field }, filename: "data.bin", ...more } },
  );
  return upload;
}

/** What came back from a request outside GraphQL. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** `extensions.code` of an error answer. */
  readonly code: unknown;
  readonly message: string;
}

/** One request, read whole. */
export async function send(url: string, init: RequestInit = {}): Promise<Reply> {
  const response = await fetch(url, init);
  const bytes = Buffer.from(await response.arrayBuffer());
  const { code, message } = response.ok ? { code: undefined, message: "" } : errorOf(bytes.toString());
  return { status: response.status, headers: response.headers, bytes, code, message };
}

/** Sends the bytes of an upload, or of one file of a folder. */
export function put(url: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  const bytes = typeof body === "string" ? Buffer.from(body) : Buffer.from(body);
  return send(url, { method: "PUT", body: bytes, headers });
}

function errorOf(text: string): { code: unknown; message: string } {
  if (text === "") return { code: undefined, message: "" };
  const { errors } = JSON.parse(text) as {
    errors: readonly { message: string; extensions: { code: string } }[];
  };
  return { code: errors[0]?.extensions.code, message: errors[0]?.message ?? "" };
}

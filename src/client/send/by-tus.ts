/** A file through the server's resumable endpoint. @source https://tus.io/protocols/resumable-upload, core protocol 1.0.0 */

import { ServiceError } from "../../errors.ts";
import { refusal } from "../refusal.ts";
import { retrying } from "../retry.ts";
import { exchange } from "./bytes.ts";

/** Bytes of one PATCH; what has arrived of one that is cut is not sent again. */
const patchBytes = 32 * 2 ** 20;
const version = { "tus-resumable": "1.0.0" };

/** What is sent, and how. */
export interface TusTask {
  readonly url: string;
  readonly file: Blob;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number) => void;
}

/** Sends what the server does not have yet. @throws {UPLOAD_EXPIRED} when there is no such upload any more. */
export async function sendByTus({ url, file, signal, progress }: TusTask): Promise<void> {
  await retrying(async (progressed) => {
    let offset = await offsetOf(url, signal);
    progress(offset, file.size);
    while (offset < file.size) {
      const next = await append(url, { offset, body: file.slice(offset, offset + patchBytes) }, signal);
      if (next <= offset) throw unlike(`The upload stands at ${next} after bytes from ${offset}.`);
      offset = next;
      progressed();
      progress(offset, file.size);
    }
  }, signal);
}

async function offsetOf(url: string, signal: AbortSignal): Promise<number> {
  const response = await exchange(url, { method: "HEAD", headers: version, signal });
  if (response.ok) return offsetIn(response);
  // The answer to HEAD has no body that could tell.
  if (![403, 404, 410].includes(response.status)) throw unlike(`HTTP ${response.status}`);
  throw new ServiceError("UPLOAD_EXPIRED", "The upload is no longer there.", {
    details: { remedy: "Send the file again with --no-resume." },
  });
}

async function append(
  url: string,
  { offset, body }: { readonly offset: number; readonly body: Blob },
  signal: AbortSignal,
): Promise<number> {
  const headers = {
    ...version,
    "content-type": "application/offset+octet-stream",
    "upload-offset": String(offset),
  };
  const response = await exchange(url, { method: "PATCH", headers, body, signal });
  if (response.ok) return offsetIn(response);
  const refused = await refusal(response);
  // Another request is still at it, or more has arrived than was answered: the next attempt asks where to go on.
  if (response.status === 409 || response.status === 423) throw unlike(refused.message);
  throw refused;
}

function offsetIn(response: Response): number {
  const offset = response.headers.get("upload-offset") ?? "";
  if (/^\d+$/.test(offset)) return Number(offset);
  throw unlike("The server tells no Upload-Offset.");
}

function unlike(message: string): ServiceError {
  return new ServiceError("SERVER_UNAVAILABLE", message, { details: { remedy: "Try again." } });
}

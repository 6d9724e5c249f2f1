/** PUT, PATCH and HEAD of bytes; errors come back as ServiceErrors. */

import { ServiceError } from "../../errors.ts";
import { translated } from "../ask.ts";
import { refusal } from "../refusal.ts";

/** Sends one request. @throws {SERVER_UNAVAILABLE} when there is no answer. */
export async function exchange(url: string, init: RequestInit): Promise<Response> {
  return await fetch(url, init).catch((error: unknown) =>
    Promise.reject(fileChanged(error) ?? translated(error, { url: new URL(url).origin })),
  );
}

/** A file that was written to, or went away, since it was opened cannot be read through its blob. */
function fileChanged(error: unknown): ServiceError | undefined {
  const causes = error instanceof Error ? [error, error.cause] : [];
  if (!causes.some((cause) => cause instanceof Error && cause.name === "NotReadableError")) return undefined;
  return new ServiceError("CONFLICT", "The file was changed while it was sent.", {
    cause: error,
    details: { remedy: "Send it again when nothing writes to it." },
  });
}

/** PUTs to an upload's own URL; the right to send is in it. */
export async function putBytes(
  url: string,
  body: Blob,
  options: { readonly headers?: Readonly<Record<string, string>>; readonly signal: AbortSignal },
): Promise<void> {
  const response = await exchange(url, { method: "PUT", body, ...options });
  if (!response.ok) throw await refusal(response);
  await response.body?.cancel();
}

/** The error for a store that did not take a part. */
export function storeRefusal(status: number, text: string): ServiceError {
  const code = /<Code>([A-Za-z0-9]+)<\/Code>/.exec(text)?.[1] ?? `HTTP ${status}`;
  return new ServiceError("STORE_UNAVAILABLE", `The store did not take a part: ${code}.`, {
    details: { remedy: "Try again; if it stays so, check the store: holdfast stores verify" },
  });
}

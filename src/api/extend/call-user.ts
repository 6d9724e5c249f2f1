/** Calls functions of an extension: bound in time, their refusals translated. */

import type { ExtensionContext } from "../../extend/contract.ts";
import { beyondLimit } from "../limits.ts";
import type { UserScope, UserServices } from "./services.ts";
import { translated } from "./translated.ts";
import { createContext } from "./user-context.ts";

/**
 * Runs `work`, which is named for messages.
 * @throws {BAD_USER_INPUT} a refusal; {LIMIT_EXCEEDED} when it takes too long; the abort of the caller; or what `work` throws.
 */
export async function callUser<T>(
  services: UserServices,
  scope: UserScope,
  call: { readonly name: string; work(context: ExtensionContext): T | Promise<T> },
): Promise<T> {
  const { limits } = services;
  const { signal: gone } = scope.context;
  gone?.throwIfAborted();
  const late = new AbortController();
  const signal = gone === undefined ? late.signal : AbortSignal.any([gone, late.signal]);
  const tooLate = () =>
    late.abort(beyondLimit(`${call.name} took longer than ${limits.extensionMs} ms`, "extensionMs", limits));
  const timer = setTimeout(tooLate, limits.extensionMs);
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    const context = createContext(services, scope, signal);
    return await Promise.race([aborted.promise, (async () => call.work(context))()]);
  } catch (error) {
    throw translated(error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

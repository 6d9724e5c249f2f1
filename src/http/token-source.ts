/** The tokens file of a running server: read at start, and again when it changes, so that a revoked token stops working. */

import { stat } from "node:fs/promises";
import { readTokensFile, type TokenRecord } from "./tokens.ts";

/** Gives the tokens that count now. */
export interface TokenSource {
  current(): Promise<readonly TokenRecord[]>;
}

/**
 * Opens a tokens file. What cannot be read later allows nobody: a file that was deleted or opened to others ends all access until
 * it is put right. @throws {CONFIG_INVALID} when it cannot be used now.
 */
export async function openTokens(
  file: string,
  options: { readonly recheckMs?: number; readonly onError?: (error: unknown) => void } = {},
): Promise<TokenSource> {
  const recheckMs = options.recheckMs ?? 1000;
  let records = await readTokensFile(file);
  let stamp = await stampOf(file);
  let checkedAt = performance.now();
  const refresh = async (): Promise<void> => {
    const next = await stampOf(file);
    if (next === stamp) return;
    try {
      records = await readTokensFile(file);
    } catch (error) {
      records = [];
      options.onError?.(error);
    }
    stamp = next;
  };
  return {
    async current() {
      if (performance.now() - checkedAt >= recheckMs) {
        checkedAt = performance.now();
        await refresh();
      }
      return records;
    },
  };
}

async function stampOf(file: string): Promise<string> {
  try {
    const { ino, size, mode, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
    return [ino, size, mode, mtimeNs, ctimeNs].join(":");
  } catch {
    return "missing";
  }
}

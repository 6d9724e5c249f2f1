/** Faults of codecs, told with the codec's name, the direction and the field. */

import { isServiceError, ServiceError } from "../errors.ts";
import type { Codec } from "./contract.ts";

/** Whose fault it would be. */
interface Blame {
  readonly codec: Codec;
  readonly direction: "encode" | "decode";
  readonly field: string;
}

/** Runs `work`; its fault is told with codec and field. */
export function blame<T>(who: Blame, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw blamed(who, error);
  }
}

/** The same for work that takes time. */
export async function blameAsync<T>(who: Blame, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw blamed(who, error);
  }
}

const faultsOfValues = ["CODEC_INVALID_VALUE", "CODEC_CORRUPT"] as const;

/** Names codec and field in faults of values; everything else of ours passes, and so does an abort. */
function blamed(who: Blame, error: unknown): unknown {
  const place = `Field ${who.field}, codec ${who.codec.name}`;
  const details = { field: who.field, codec: who.codec.name, direction: who.direction };
  if (isServiceError(error)) {
    if (!faultsOfValues.some((code) => code === error.code) || error.details["codec"] !== undefined)
      return error;
    return new ServiceError(error.code, `${place}: ${error.message}`, {
      details: { ...error.details, ...details },
      cause: error,
    });
  }
  if (error instanceof Error && error.name === "AbortError") return error;
  const code = who.direction === "encode" ? "CODEC_INVALID_VALUE" : "CODEC_CORRUPT";
  const what = error instanceof Error ? error.message : String(error);
  return new ServiceError(code, `${place}: ${who.direction} failed: ${what}`, { details, cause: error });
}

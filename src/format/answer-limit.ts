/** The limit on what is answered inline, said alike by every codec that answers elements. */

import { ServiceError } from "../errors.ts";

/** Refuses an answer of more bytes of elements than `inlineLimitBytes`. */
export function answerLimit(context: {
  readonly field: string;
  readonly inlineLimitBytes: number;
}): (sizeBytes: number) => void {
  const { field, inlineLimitBytes: limit } = context;
  return (sizeBytes) => {
    if (sizeBytes <= limit) return;
    throw new ServiceError(
      "LIMIT_EXCEEDED",
      `The answer would hold ${sizeBytes} bytes of elements; at most ${limit} are answered inline. Ask for a smaller slice, or fetch the url.`,
      { details: { field, limit } },
    );
  };
}

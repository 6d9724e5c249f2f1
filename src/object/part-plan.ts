/** How a file is cut into the parts of a multipart upload: equal ones, the last shorter. */

import { ServiceError } from "../errors.ts";

/** What every S3 server takes: 5 MiB to 5 GiB a part but the last, 10,000 parts. @source https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html */
const minPartBytes = 5 * 2 ** 20;
const maxPartBytes = 5 * 2 ** 30;
const maxParts = 10_000;

export interface PartPlan {
  readonly partBytes: number;
  /** 0 for a file without bytes: nothing is sent, the service writes it. */
  readonly count: number;
}

/** The plan nearest to `wanted` parts. @throws {BAD_USER_INPUT} {LIMIT_EXCEEDED} for a number of parts that nobody can send. */
export function planParts(sizeBytes: number, wanted: number): PartPlan {
  if (!Number.isInteger(wanted) || wanted < 1) {
    throw new ServiceError("BAD_USER_INPUT", `A file cannot be sent in ${wanted} parts.`, {
      details: { field: "parts", value: wanted, remedy: "Ask for 1 or more, or leave parts out." },
    });
  }
  if (wanted > maxParts) {
    throw new ServiceError("LIMIT_EXCEEDED", `A file has ${maxParts} parts at most, not ${wanted}.`, {
      details: { field: "parts", value: wanted, limit: maxParts, remedy: "Ask for fewer parts." },
    });
  }
  if (sizeBytes > maxParts * maxPartBytes) {
    throw new ServiceError("LIMIT_EXCEEDED", `${sizeBytes} bytes are more than ${maxParts} parts can hold.`, {
      details: { field: "sizeBytes", limit: maxParts * maxPartBytes, remedy: "Write several objects." },
    });
  }
  const partBytes = Math.min(maxPartBytes, Math.max(minPartBytes, Math.ceil(sizeBytes / wanted)));
  return { partBytes, count: Math.ceil(sizeBytes / partBytes) };
}

/** Bytes of part `number`, counted from 1. */
export function partSize(sizeBytes: number, plan: PartPlan, number: number): number {
  return number < plan.count ? plan.partBytes : sizeBytes - plan.partBytes * (plan.count - 1);
}

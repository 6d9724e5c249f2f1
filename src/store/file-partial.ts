/** Files that are being made: their temporary names, and what is told when the name they are for is taken. */

import { randomBytes } from "node:crypto";
import { ServiceError } from "../errors.ts";

const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz";

/** A temporary name, for one file. */
export function partialName(): string {
  // 128 bits and more in 24 characters, of which the last ones need not be random.
  const digits = BigInt(`0x${randomBytes(15).toString("hex")}`).toString(alphabet.length);
  return `.holdfast-${digits.padStart(24, "0")}.part`;
}

/** The key is somebody else's. */
export function taken(path: string): ServiceError {
  return new ServiceError("STORE_CONFLICT", `The store already has bytes at ${path}.`, {
    details: { field: "path", value: path, remedy: "Write under another path." },
  });
}

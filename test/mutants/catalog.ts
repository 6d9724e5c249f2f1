/** All mutants, and the ones of the design that the code has no place for. */

import { byBytes } from "./by-bytes.ts";
import { byRecords } from "./by-records.ts";
import { byTruth } from "./by-truth.ts";
import type { Mutant } from "./mutant.ts";

export const mutants: readonly Mutant[] = [...byRecords, ...byBytes, ...byTruth];

/** Mutants of the model (`test/model/variants.ts`) that have no mutant of their own here, and why. */
export const withoutPlace: Readonly<Record<string, string>> = {
  M22: "The code has all rules at once, never four only; the lease is taken away by M3.",
  M23: "The code has all rules at once, never four only; the reaper's DELETE is M16.",
  M24: "The code has all rules at once, never four only; keys that are taken again are M7.",
  M25: "The code has all rules at once, never four only; the key of the hold is M2.",
  M26: "The code has all rules at once, never four only; the key of the row is M1.",
};

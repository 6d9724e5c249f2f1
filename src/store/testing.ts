/**
 * The laws every store driver keeps, as functions for any test runner; public as `holdfast/store/testing`.
 *
 * ```ts
 * for (const law of driverLaws("memory", place)) test(law.name, law.check);
 * ```
 */

import { deepStrictEqual } from "node:assert/strict";
import { abilitiesOf } from "./abilities.ts";
import { abortLaws, copyLaws } from "./law/copy.ts";
import { endLaws } from "./law/end.ts";
import type { MakePlace, StoreLaw } from "./law/law.ts";
import { moveLaws } from "./law/move.ts";
import { objectLaws } from "./law/object.ts";
import { pathLaws } from "./law/path.ts";
import { resumableLaws } from "./law/resumable.ts";
import { tagLaws } from "./law/tag.ts";

/** One law; `check` throws where it is broken. */
export interface DriverLaw {
  readonly name: string;
  readonly check: () => Promise<void>;
}

/** Abilities whose laws are here; of others a driver has to prove itself what it promises. */
const lawsOf: Readonly<Record<string, readonly StoreLaw[]>> = { move: moveLaws, tags: tagLaws };

/**
 * The laws of one driver. `place` makes a new, empty place each time, and answers how to open drivers on it. `abilities` are the optional
 * members that the driver has (`move`, `tags`, `multipart`, `presign`, `refusesLate`, `versions`); a law looks that it has these and no others.
 */
export function driverLaws(
  name: string,
  place: MakePlace,
  { abilities = [] }: { readonly abilities?: readonly string[] } = {},
): DriverLaw[] {
  const told: StoreLaw = {
    name: "has the abilities that it claims",
    check: async (make) => deepStrictEqual(abilitiesOf(await (await make())()).sort(), [...abilities].sort()),
  };
  const laws = [...objectLaws, ...endLaws, ...pathLaws, ...copyLaws, ...abortLaws, ...resumableLaws];
  const further = abilities.flatMap((ability) => lawsOf[ability] ?? []);
  return [told, ...laws, ...further].map((law) => ({
    name: `${name}: ${law.name}`,
    check: () => law.check(place),
  }));
}

/** Lengths of time as people write them: `7d`, `90m`, `0s`. */

import { wrongOption } from "./command/context.ts";

const units: readonly (readonly [unit: string, seconds: number])[] = [
  ["w", 604_800],
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
];

/** Longest time of a policy, about ten years. */
const mostSeconds = 315_360_000;

/** Seconds of an option's value. @throws {BAD_USER_INPUT} naming the option. */
export function secondsOption(name: string, text: string): number {
  const [, number, unit] = /^(\d{1,9})([wdhms])$/.exec(text) ?? [];
  const factor = units.find(([known]) => known === unit)?.[1];
  const seconds = Number(number) * (factor ?? Number.NaN);
  if (seconds <= mostSeconds) return seconds;
  throw wrongOption(name, text, "a whole number and a unit, such as 7d, 12h, 30m or 0s, up to 3650d");
}

/** The shortest way to write it: `7d` for 604,800 but `1w` never, since days are what people count. */
export function durationText(seconds: number): string {
  const [unit, factor] = units.slice(1).find(([, size]) => seconds % size === 0 && seconds >= size) ?? [
    "s",
    1,
  ];
  return `${seconds / factor}${unit}`;
}

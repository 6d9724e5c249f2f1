/** How often processes have died at each point, and where the next one is to die: first where too few have, then by chance. */

import type { Moment } from "./arms.ts";
import type { Role } from "./lane.ts";
import { collectorPoints, stopPoints, writerPoints } from "./points.ts";
import { pickFrom, type Random } from "./random.ts";

const pointsOf = { writer: writerPoints, collector: collectorPoints } as const;
/** Points that are short which one process is armed with: it dies at the first that it comes to. */
const atOnce = 3;

export class Quota {
  readonly hits = new Map<string, number>();
  readonly #least: number;
  readonly #random: Random;

  /** `least`: deaths that each point is to have. */
  constructor(least: number, random: Random) {
    this.#least = least;
    this.#random = random;
    for (const point of [...writerPoints, ...collectorPoints]) this.hits.set(point, 0);
  }

  get isMet(): boolean {
    return this.#short([...this.hits.keys()]).length === 0;
  }

  count(point: string): void {
    this.hits.set(point, (this.hits.get(point) ?? 0) + 1);
  }

  deaths(role: Role): readonly Moment[] {
    const points = pointsOf[role];
    const short = this.#short(points);
    if (short.length === 0)
      return [{ point: this.#rarest(points), time: 1 + this.#random(this.#random(3) === 0 ? 6 : 2) }];
    const some = new Set(Array.from({ length: atOnce }, () => pickFrom(this.#random, short)));
    return [...some].map((point) => ({ point, time: 1 + this.#random(2) }));
  }

  /** Where a process is to be stopped; nowhere, mostly. */
  stop(role: Role): Moment | undefined {
    if (this.#random(role === "writer" ? 12 : 4) > 0) return undefined;
    return { point: pickFrom<string>(this.#random, stopPoints[role]), time: 1 + this.#random(2) };
  }

  #short(points: readonly string[]): readonly string[] {
    return points.filter((point) => (this.hits.get(point) ?? 0) < this.#least);
  }

  /** Mostly a point at which few have died yet. */
  #rarest(points: readonly string[]): string {
    const tried = [0, 1, 2].map(() => pickFrom(this.#random, points));
    return tried.reduce((best, point) =>
      (this.hits.get(point) ?? 0) < (this.hits.get(best) ?? 0) ? point : best,
    );
  }
}

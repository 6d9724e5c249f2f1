/**
 * Processes that are stopped for twice the life of a claim, and go on: by themselves at a named point, or from outside at any moment. Each is
 * stopped once at most, so that no foreign writer among them takes longer than the trash keeps what it relies on.
 */

import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import type { Role } from "./lane.ts";
import { pickFrom, type Random } from "./random.ts";
import { stopMs } from "./times.ts";

interface Running {
  readonly child: ChildProcess;
  readonly role: Role;
  /** It stops itself, or was stopped. */
  isTaken: boolean;
}

export class Stops {
  /** Stops after which the process went on, by point; `writer` and `collector`: at any moment. */
  readonly counts = new Map<string, number>();
  readonly #running = new Set<Running>();
  readonly #random: Random;
  readonly #leases: Leases;

  constructor(random: Random, leases: Leases) {
    this.#random = random;
    this.#leases = leases;
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  add(child: ChildProcess, role: Role, stopsItself: boolean): void {
    const running = { child, role, isTaken: stopsItself };
    this.#running.add(running);
    child.once("exit", () => this.#running.delete(running));
  }

  /** From outside, one after the other. */
  async strike(isOpen: () => boolean): Promise<void> {
    while (isOpen()) {
      await delay(300 + this.#random(700));
      const free = [...this.#running].filter(({ isTaken }) => !isTaken);
      if (!isOpen() || free.length === 0) continue;
      const one = pickFrom(this.#random, free);
      one.isTaken = true;
      if (one.child.kill("SIGSTOP")) await this.goOn(one.child, one.role, one.role);
    }
  }

  /** Lets a process that has stopped go on after its time, in which what it had claimed or leased has run out. */
  async goOn(child: ChildProcess, role: Role, where: string): Promise<void> {
    const leases = role === "writer" ? await this.#leases.all() : [];
    await delay(stopMs, undefined, { ref: false });
    if (leases.length > 0) await this.#leases.expire(leases);
    const isAlive = child.exitCode === null && child.signalCode === null;
    if (isAlive && child.kill("SIGCONT")) this.counts.set(where, (this.counts.get(where) ?? 0) + 1);
  }
}

/** Leases of uploads, which live for a day. */
export interface Leases {
  all(): Promise<readonly string[]>;
  expire(ids: readonly string[]): Promise<void>;
}

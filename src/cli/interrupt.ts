/** Ctrl-C and its relatives: the first asks to stop, the second ends at once, though never leaving a private database behind. */

import { setTimeout as sleep } from "node:timers/promises";

/** Thrown out of a command that was told to stop; exit code 130. */
export class Interrupted extends Error {
  /** The command that goes on with what was begun. */
  readonly next: string | undefined;

  constructor(next?: string) {
    super("Interrupted.");
    this.name = "Interrupted";
    this.next = next;
  }
}

export const interruptedExitCode = 130;

/** How long the second Ctrl-C waits for what {@link Interruption.beforeExit} was given. */
const lastWordsMs = 5000;

/** A wish to stop. */
export interface Interruption {
  /** Resolves at the first signal. */
  readonly asked: Promise<void>;
  wasAsked(): boolean;
  /** What a second signal must still do before the process ends. */
  beforeExit(run: () => Promise<void>): void;
  /** Gives the signals back. */
  dispose(): void;
}

/** Takes over SIGINT, SIGTERM and SIGHUP. */
export function takeSignals(): Interruption {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const { promise, resolve } = Promise.withResolvers<void>();
  let count = 0;
  let last: (() => Promise<void>) | undefined;
  const take = () => {
    count += 1;
    if (count === 1) resolve();
    else if (count === 2 && last !== undefined) void endSoon(last);
    else process.exit(interruptedExitCode);
  };
  for (const signal of signals) process.on(signal, take);
  return {
    asked: promise,
    wasAsked: () => count > 0,
    beforeExit: (run) => {
      last = run;
    },
    dispose: () => {
      for (const signal of signals) process.off(signal, take);
    },
  };
}

async function endSoon(run: () => Promise<void>): Promise<void> {
  await Promise.race([run().catch(() => undefined), sleep(lastWordsMs)]);
  process.exit(interruptedExitCode);
}

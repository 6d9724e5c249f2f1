/** Random runs against the plain model, seeded and shrunk by fast-check. */

import fc from "fast-check";
import { Play, Tally } from "./play.ts";
import { type Step, steps } from "./steps.ts";
import type { World } from "./world.ts";

/** One step as fast-check knows it; the play is its model and its reality in one. */
class Played implements fc.AsyncCommand<Play, Play> {
  readonly step: Step;

  constructor(step: Step) {
    this.step = step;
  }

  check(play: Readonly<Play>): boolean {
    return play.can(this.step);
  }

  run(_: Play, play: Play): Promise<void> {
    return play.step(this.step);
  }

  toString(): string {
    return JSON.stringify(this.step);
  }
}

export interface RunsOptions {
  readonly runs: number;
  readonly seed: number;
  /** As fast-check has printed it, to play one run again. */
  readonly path?: string | undefined;
  readonly say?: (run: number) => void;
  /** Told of a failure at once, before it is shrunk. */
  readonly fail?: (text: string) => void;
  /** Seconds after which it ends with what it has played, also in the midst of shrinking. */
  readonly seconds?: number;
  /** Ends at the first failure, as it was found. */
  readonly isBrief?: boolean;
  /** Steps of one run at most. */
  readonly length?: number;
}

export interface RunsResult {
  readonly tally: Tally;
  readonly played: number;
  /** Absent when all was as promised. */
  readonly failure?: string;
}

export async function playRuns(world: World, options: RunsOptions): Promise<RunsResult> {
  const tally = new Tally();
  let played = 0;
  const commands = fc.commands(
    steps.map((each) => each.map((step) => new Played(step))),
    { maxCommands: options.length ?? 40, size: "max" },
  );
  const property = fc.asyncProperty(commands, fc.boolean(), async (cmds, canRename) => {
    await world.reset();
    world.canRename = canRename;
    await world.policy({ grace: "0", keep: "30 days", drain: "30 min" });
    const play = new Play(world, tally);
    try {
      await fc.asyncModelRun(() => ({ model: play, real: play }), cmds);
      await play.end();
    } catch (error) {
      options.fail?.(`${error}\n  ${[...cmds].map(String).join("\n  ")}`);
      throw error;
    }
    options.say?.(++played);
  });
  const details = await fc.check(property, {
    numRuns: options.runs,
    seed: options.seed,
    endOnFailure: options.isBrief ?? false,
    ...(options.seconds === undefined ? {} : { interruptAfterTimeLimit: options.seconds * 1000 }),
    // How it was made smaller hangs on what happened then: the run as it was first is what can be played again.
    ...(options.path === undefined ? {} : { path: options.path.split(":")[0] }),
  });
  if (!details.failed) return { tally, played };
  const message = await fc.asyncDefaultReportMessage(details);
  return { tally, played, failure: `${message}\n${details.errorInstance}` };
}

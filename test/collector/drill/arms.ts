/** Where a process of the drill ends, or stops until it is told to go on, as its environment says; it tells so just before. */

import { type FaultPoints, parseFaultPoints } from "../../../src/object/fault-points.ts";
import { say } from "./lines.ts";

/** A named point, the `time`-th time that it is reached. */
export interface Moment {
  readonly point: string;
  readonly time: number;
}

/** The environment of a process that dies at the first of `deaths` that it comes to. */
export function armedEnv(
  deaths: readonly Moment[],
  stop: Moment | undefined,
): Readonly<Record<string, string>> {
  return {
    HOLDFAST_FAULT: deaths.map(({ point, time }) => `${point}:kill:${time}`).join(","),
    DRILL_STOP: stop === undefined ? "" : `${stop.point}:${stop.time}`,
  };
}

/** What this process was armed with. */
export function arms(): FaultPoints {
  const { HOLDFAST_FAULT = "", DRILL_STOP = "" } = process.env;
  const kill = parseFaultPoints(HOLDFAST_FAULT);
  const deaths = new Set(HOLDFAST_FAULT.split(",").map((text) => text.replace(":kill:", ":")));
  const times = new Map<string, number>();
  return (point) => {
    const time = (times.get(point) ?? 0) + 1;
    times.set(point, time);
    const moment = `${point}:${time}`;
    if (moment === DRILL_STOP) {
      say({ stopped: point });
      process.kill(process.pid, "SIGSTOP");
    }
    if (deaths.has(moment)) say({ dying: point });
    return kill(point);
  };
}

/** The points at which this process is to die. */
export function deathPoints(): readonly string[] {
  return (process.env["HOLDFAST_FAULT"] ?? "").split(",").map((text) => text.split(":")[0] ?? "");
}

/**
 * The long drill: dies at every point of the write path, in the upload and in the mutation, and checks the data folder after each death.
 * Run: `node test/acceptance/kill-all.ts` after a build. Some minutes.
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Drill } from "./support/drill.ts";
import { holdfast } from "./support/process.ts";

/** The service itself names its points when it is given a wrong one. */
function allPoints(): readonly string[] {
  const data = mkdtempSync(join(tmpdir(), "holdfast-points-"));
  try {
    const args = ["start", "--data", data, "--port", "0", "--no-sample"];
    const { err } = holdfast(args, { env: { HOLDFAST_FAULT: "nowhere:kill" } });
    const points = /points are ([^\n]*[^.\s])\.?\s*$/m.exec(err)?.[1]?.split(" ");
    if (points === undefined || points.length < 10) throw new Error(`no list of points in:\n${err}`);
    return points.map((point) => point.replace("[n]", "[0]"));
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

const drill = new Drill();
let failures = 0;
for (const point of allPoints()) {
  for (const time of [1, 2, 3, 4]) {
    const fault = `${point}:kill:${time}`;
    try {
      await drill.round(fault);
      process.stdout.write(`ok ${fault}\n`);
    } catch (error) {
      failures += 1;
      process.stdout.write(`FAILED ${error instanceof Error ? error.message : error}\n`);
    }
  }
}
await drill.place.close();
process.exitCode = failures === 0 ? 0 : 1;

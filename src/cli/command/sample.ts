/** `sample`: the sample laboratory, loaded or measured through the public API. */

import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { translated } from "../../client/ask.ts";
import { measureClock } from "../../sample/clock.ts";
import { expectedRows } from "../../sample/expected.ts";
import { simulate } from "../../sample/laboratory.ts";
import { loadMeasurement, loadSimulation, nextSessionId } from "../../sample/load.ts";
import { readStores } from "../start/load-model.ts";
import { placeProtocol } from "../start/load-sample.ts";
import { callOf } from "./context.ts";
import { withService } from "./service.ts";

export function sampleCommands(program: Command): void {
  const sample = program.command("sample").description("the sample laboratory");
  sample
    .command("load")
    .description("load the simulated session and a first measurement; what is there already is left alone")
    .option("--expected <file>", "first write what every row must decode to")
    .action((options: { expected?: string }, command: Command) => load(options, command));
  sample
    .command("measure")
    .description("measure this computer's clock as a new session")
    .action((_, command: Command) => measure(command));
}

async function load(options: { expected?: string }, command: Command): Promise<void> {
  const { output, settings } = callOf(command);
  await placeProtocol(await readStores(settings));
  const simulation = simulate();
  const session = { sessionId: 2, measurement: measureClock() };
  if (options.expected !== undefined) {
    await writeFile(options.expected, `${JSON.stringify(expectedRows(simulation, [session]))}\n`);
  }
  await withService(command, async (at) => {
    try {
      await loadSimulation(at, simulation, output.progress("simulated session"));
      await loadMeasurement(at, session, output.progress("measured session"));
    } catch (error) {
      throw translated(error, at);
    }
  });
  output.result(
    { sessions: [1, 2] },
    "The sample laboratory is loaded: sessions 1 (simulated) and 2 (measured).",
  );
}

async function measure(command: Command): Promise<void> {
  const { output } = callOf(command);
  const sessionId = await withService(command, async (at) => {
    try {
      const id = await nextSessionId(at);
      await loadMeasurement(
        at,
        { sessionId: id, measurement: measureClock() },
        output.progress("measured session"),
      );
      return id;
    } catch (error) {
      throw translated(error, at);
    }
  });
  output.result(
    { sessionId },
    `Measured: session ${sessionId}.\nnext: holdfast get ClockTrace.steps sessionId=${sessionId} -o clock.npy`,
  );
}

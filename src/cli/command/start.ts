/** `start`: the service itself, until it is told to stop. */

import type { Command } from "commander";
import { ServiceError } from "../../errors.ts";
import { takeSignals } from "../interrupt.ts";
import type { StartFlags } from "../start/run.ts";
import { callOf } from "./context.ts";

export function startCommand(program: Command): void {
  program
    .command("start")
    .description("run the service; Ctrl-C drains and stops it")
    .option("--port <port>", "port (PORT, 4000 or the next free one)")
    .option("--host <host>", "address to listen on (HOST, 127.0.0.1)")
    .option("--apply", "apply the schema file also to a database of DATABASE_URL")
    .option("--no-apply", "show the plan, change nothing")
    .option("--read-only", "serve reads only, and apply nothing")
    .option("--no-sample", "do not load the sample laboratory into a new database")
    .option("--no-watch", "do not follow the schema file")
    .action(async (flags: StartFlags, command: Command) => {
      const call = callOf(command);
      if (flags.readOnly === true && flags.apply === true)
        throw new ServiceError("BAD_USER_INPUT", "--read-only and --apply exclude each other.", {
          details: { field: "--apply", remedy: "Leave one of them away." },
        });
      // Before anything takes time: whoever starts the wrong thing wants to stop it now.
      const signals = takeSignals();
      const { runService } = await import("../start/run.ts");
      await runService(flags, call, signals);
    });
}

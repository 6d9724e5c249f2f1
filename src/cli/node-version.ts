/** Holdfast needs Node 24. On an older one the pinned Node of the package takes over, or a clear word ends the command. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { packageFolder } from "./version.ts";

const least = 24;

if (Number(process.versions.node.split(".")[0]) < least) process.exit(await runPinned());

async function runPinned(): Promise<number> {
  const pinned = join(
    packageFolder(),
    "node_modules",
    "node",
    "bin",
    process.platform === "win32" ? "node.exe" : "node",
  );
  if (!existsSync(pinned)) {
    process.stderr.write(
      `holdfast: this is Node ${process.versions.node}; Holdfast needs Node ${least} or newer.\n`,
    );
    return 2;
  }
  const child = spawn(pinned, process.argv.slice(1), { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // Ctrl-C reaches the child by itself: a second one would mean "at once".
    process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
  }
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 130)));
}

/**
 * Preloaded into the service under test (`--import`): tells on a socket of its own how long its event loop stood still, and how much processor
 * time the process took, since it was asked before.
 */

import { createServer } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";

const path = process.env["LOOP_METER"];
const resolution = 2;

// Programs that the service starts have the same environment.
if (path !== undefined && process.argv[1]?.endsWith("holdfast.js") === true) {
  const delay = monitorEventLoopDelay({ resolution });
  delay.enable();
  let begin = process.threadCpuUsage();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => {
      const { user, system } = process.threadCpuUsage(begin);
      const longestMs = Math.max(delay.max / 1e6 - resolution, 0);
      socket.write(`${JSON.stringify({ longestMs, cpuMs: (user + system) / 1000 })}\n`);
      delay.reset();
      begin = process.threadCpuUsage();
    });
  });
  server.listen(path);
  server.unref();
}

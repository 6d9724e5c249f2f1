/** Whether the process that wrote a number down is still that process: numbers are used again, and the dead may linger as zombies. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { platform } from "node:os";

/**
 * A text that is the same for as long as process `pid` lives, and that no other process will ever have.
 * `undefined` when there is no such process, or only its zombie.
 */
export function processIdentity(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0 || !exists(pid)) return undefined;
  if (platform() === "linux") return linuxIdentity(pid);
  return platform() === "win32" ? "alive" : unixIdentity(pid);
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** @source proc(5): /proc/<pid>/stat, fields 3 (state) and 22 (start, in clock ticks since boot) */
function linuxIdentity(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command in parentheses may hold anything, also spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z" || fields[0] === "X") return undefined;
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}:${fields[19]}`;
  } catch {
    return undefined;
  }
}

function unixIdentity(pid: number): string | undefined {
  const { stdout, status } = spawnSync("ps", ["-o", "state=,lstart=", "-p", String(pid)], {
    encoding: "utf8",
  });
  const [state, ...start] = stdout.trim().split(/\s+/);
  if (status !== 0 || state === undefined || state.startsWith("Z")) return undefined;
  return start.join(" ");
}

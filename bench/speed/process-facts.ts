/** What Linux tells of processes: time on the processor, memory, who is whose child. */

import { readdirSync, readFileSync } from "node:fs";

/** Ticks of /proc a second; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Fields of `/proc/<pid>/stat` from the third on: the second, the program's name, may hold blanks. @source proc_pid_stat(5) */
function statOf(pid: number | string): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}

/** Microseconds that a process has used, in its own code and in the kernel's. */
export function cpuMicroseconds(pid: number): number {
  const fields = statOf(pid);
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1e6;
}

/** Resident memory of a process in MiB. */
export function residentMebibytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kib) / 1024;
}

/** The same as {@link cpuMicroseconds} for a process and everything that descends from it. */
export function familyMicroseconds(pid: number): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      parents.set(Number(name), Number(statOf(name)[1]));
    } catch {
      // It has ended since the folder was read.
    }
  }
  const family = new Set([pid]);
  for (let size = 0; size < family.size; ) {
    size = family.size;
    for (const [child, parent] of parents) if (family.has(parent)) family.add(child);
  }
  let total = 0;
  for (const member of family) {
    try {
      total += cpuMicroseconds(member);
    } catch {
      // As above.
    }
  }
  return total;
}

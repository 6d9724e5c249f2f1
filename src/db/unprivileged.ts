/**
 * PostgreSQL refuses to run as root. Where a user namespace is allowed, root starts it there under another number, so that the
 * files stay root's own, also below a folder that only root may enter.
 */

import { spawnSync } from "node:child_process";

/** Number that root has inside the namespace; any but 0 will do. */
const innerId = "1000";

let namespaceWorks: boolean | undefined;

/** The command that runs `program` as PostgreSQL accepts it, for this process's own user. */
export function unprivileged(program: string, args: readonly string[]): { command: string; args: string[] } {
  if (process.getuid?.() !== 0) return { command: program, args: [...args] };
  namespaceWorks ??= spawnSync("unshare", [...namespaceFlags, "true"]).status === 0;
  if (namespaceWorks) return { command: "unshare", args: [...namespaceFlags, program, ...args] };
  return { command: program, args: [...args] };
}

const namespaceFlags = ["--user", `--map-user=${innerId}`, `--map-group=${innerId}`, "--"];

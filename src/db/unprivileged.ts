/**
 * PostgreSQL refuses to run as root, and wants its user to have a name.
 *
 * Where a user namespace is allowed, root starts it there under another number: the files stay root's own, also below a folder that
 * only root may enter. Elsewhere root starts it as an unprivileged account of the machine, which then owns the cluster.
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";

/** An account of the machine. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** How this process can run a program so that PostgreSQL accepts it. */
export type Privileges =
  | { readonly kind: "self" }
  | { readonly kind: "namespace"; readonly account: Account }
  | { readonly kind: "account"; readonly account: Account };

/** Finds out; `force` is for tests of the way that this machine would not take. */
export function findPrivileges(force?: "namespace" | "account"): Privileges {
  const isRoot = process.getuid?.() === 0;
  if (process.getuid === undefined || (!isRoot && hasName())) return { kind: "self" };
  const account = accountOf(readFileSync("/etc/passwd", "utf8"));
  if (force === "namespace" || (force === undefined && namespaceWorks(account)))
    return { kind: "namespace", account };
  return isRoot ? { kind: "account", account } : { kind: "self" };
}

/** Command line and spawn options that run `program` with these privileges. */
export function commandFor(
  privileges: Privileges,
  program: string,
  args: readonly string[],
): { command: string; args: string[]; options: Partial<Account> } {
  if (privileges.kind === "namespace") {
    return { command: "unshare", args: [...flagsOf(privileges.account), program, ...args], options: {} };
  }
  const options = privileges.kind === "account" ? privileges.account : {};
  return { command: program, args: [...args], options };
}

/** The account to run as: `postgres` where there is one, `nobody`, or any but root. @source passwd(5) */
export function accountOf(passwd: string): Account {
  const accounts = new Map<string, Account>();
  for (const line of passwd.split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name && Number(uid) > 0) accounts.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  const first = accounts.values().next().value;
  return accounts.get("postgres") ?? accounts.get("nobody") ?? first ?? { uid: 65534, gid: 65534 };
}

function hasName(): boolean {
  try {
    userInfo();
    return true;
  } catch {
    return false;
  }
}

function namespaceWorks(account: Account): boolean {
  return spawnSync("unshare", [...flagsOf(account), "true"]).status === 0;
}

function flagsOf(account: Account): string[] {
  return ["--user", `--map-user=${account.uid}`, `--map-group=${account.gid}`, "--"];
}

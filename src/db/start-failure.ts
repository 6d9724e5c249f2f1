/** Why a server did not come up, read from the last lines of its log. */

import { type ErrorCode, ServiceError } from "../errors.ts";

interface Cause {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly remedy: string;
}

const portTaken = /could not (bind|create any TCP\/IP)|Address already in use/i;
const oldBackends = /pre-existing shared memory block/i;

const causes: readonly Cause[] = [
  {
    pattern: portTaken,
    code: "ADDRESS_IN_USE",
    remedy: "Use another port, or stop the program that has it.",
  },
  {
    pattern: /postmaster\.pid" already exists|shared memory block/i,
    code: "DATA_IN_USE",
    remedy: "Stop the PostgreSQL that runs there.",
  },
  {
    pattern: /No space left|Disk quota/i,
    code: "DATABASE_UNAVAILABLE",
    remedy: "Free some space on the disk of the data folder; the data are safe, and it starts again then.",
  },
  {
    pattern: /incompatible with server/i,
    code: "DATABASE_INCOMPATIBLE",
    remedy: "Start the Holdfast version that made the data folder.",
  },
  {
    pattern: /Permission denied|wrong ownership|invalid permissions|Read-only file system/i,
    code: "CONFIG_INVALID",
    remedy: "Give the data folder to the user that runs Holdfast, or set HOLDFAST_DATA to another one.",
  },
];

/** Whether the same start may succeed in a moment. */
export function worthRetrying(log: string, portGiven: boolean): boolean {
  return oldBackends.test(log) || (portTaken.test(log) && !portGiven);
}

/** The error for a server that ended while starting. */
export function startFailure(log: string, cluster: string, port: number): ServiceError {
  const cause = causes.find(({ pattern }) => pattern.test(log));
  const said = tellingLines(log);
  const what =
    cause?.code === "ADDRESS_IN_USE"
      ? `Port ${port} is taken: ${said}`
      : `PostgreSQL did not start in ${cluster}: ${said}`;
  const remedy = cause?.remedy ?? "Look at the message; the data folder was left as it is.";
  return new ServiceError(cause?.code ?? "DATABASE_UNAVAILABLE", what, {
    details: { file: cluster, remedy },
  });
}

/** The last lines of a PostgreSQL program's output that say what went wrong. */
export function tellingLines(log: string): string {
  const lines = log.trim().split("\n");
  const telling = lines.filter((line) =>
    /FATAL|PANIC|ERROR|error:|HINT|could not|denied|No space/.test(line),
  );
  return (telling.length > 0 ? telling : lines).slice(-3).join(" ").trim();
}

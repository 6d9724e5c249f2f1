/** Whether a plugin was written for a contract that this version of the service keeps. */

import { ServiceError } from "../errors.ts";
import type { PluginKind } from "./contract.ts";

/** Contracts that are kept, both included. */
export interface ContractRange {
  readonly oldest: number;
  readonly newest: number;
}

/** @throws {CONFIG_INVALID} for one that is too new or too old, with the remedy. */
export function checkContract(kind: PluginKind, written: unknown, { oldest, newest }: ContractRange): void {
  const number = written ?? 1;
  const kept = oldest === newest ? `${newest}` : `${oldest} to ${newest}`;
  const told = `it is written for contract ${String(number)} of ${kind}s; this Holdfast keeps ${kept}`;
  if (typeof number !== "number" || !Number.isInteger(number))
    throw fault(`its contract is ${JSON.stringify(number)}, no whole number`, `Write contract: ${newest}.`);
  if (number > newest) throw fault(told, "Update Holdfast, or install an older version of the plugin.");
  if (number < oldest) throw fault(told, "Update the plugin.");
}

function fault(message: string, remedy: string): ServiceError {
  return new ServiceError("CONFIG_INVALID", message, { details: { field: "contract", remedy } });
}

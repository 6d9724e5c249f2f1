/** A command line that cannot be understood, as the error that all of Holdfast uses. */

import type { CommanderError } from "commander";
import { ServiceError } from "../errors.ts";

/** Answers undefined for what is no error: help and version. */
export function usageError({ code, exitCode, message }: CommanderError): ServiceError | undefined {
  if (exitCode === 0 || code === "commander.help") return undefined;
  const text = message.replace(/^error: /, "").replace(/\.$/, "");
  return new ServiceError("BAD_USER_INPUT", `${text.charAt(0).toUpperCase()}${text.slice(1)}.`, {
    details: { remedy: "See: holdfast --help" },
  });
}

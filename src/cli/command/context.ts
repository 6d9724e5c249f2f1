/** What every command gets: settings, output, the global options. */

import type { Command } from "commander";
import { ServiceError } from "../../errors.ts";
import { createOutput, type Output } from "../output.ts";
import { readSettings, type Settings } from "../settings.ts";

/** One call of a command. */
export interface Call {
  readonly settings: Settings;
  readonly output: Output;
  /** `--server` */
  readonly server?: string;
  /** True when the schema file was named by `--schema`. */
  readonly schemaNamed: boolean;
}

interface GlobalOptions {
  readonly json?: boolean;
  readonly schema?: string;
  readonly data?: string;
  readonly extensions?: string;
  readonly server?: string;
}

/** `schemaIsFile`: false where `--schema` names a PostgreSQL schema, so that the project is where the command runs. */
export function callOf(command: Command, { schemaIsFile } = { schemaIsFile: true }): Call {
  const { schema, ...others } = command.optsWithGlobals<GlobalOptions & { port?: string; host?: string }>();
  const options = schemaIsFile && schema !== undefined ? { ...others, schema } : others;
  return {
    settings: readSettings(options, process.env, process.cwd()),
    output: createOutput(options.json === true, { out: process.stdout, err: process.stderr }),
    ...(options.server === undefined ? {} : { server: checkedUrl(options.server) }),
    schemaNamed: schemaIsFile && schema !== undefined,
  };
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, "");
  throw wrongOption("--server", text, "a URL such as http://127.0.0.1:4000");
}

/** A number of an option. @throws {BAD_USER_INPUT} naming the option and its bounds. */
export function wholeOption(name: string, text: string, [least, most]: readonly [number, number]): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw wrongOption(name, text, `a whole number from ${least} to ${most}`);
}

/** The error for an option's value. */
export function wrongOption(field: string, value: string, expected: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `${field} is ${JSON.stringify(value)}; it must be ${expected}.`, {
    details: { field, value, remedy: `Give ${field} ${expected}.` },
  });
}

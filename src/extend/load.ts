/** Loads the one extension file of a service. */

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { ServiceError } from "../errors.ts";
import type { Extension } from "./contract.ts";

/** An extension with where it came from. */
export interface LoadedExtension {
  readonly extension: Extension;
  readonly file: string;
  /** Text of the file, in which problems are located. */
  readonly source: string;
}

/**
 * Loads the file. A text other than that loaded before is loaded anew; files that it imports are not.
 * @throws {CONFIG_INVALID} naming the file, the line where it is known, and what is wrong.
 */
export async function loadExtension(file: string): Promise<LoadedExtension> {
  const source = await readText(file);
  const exported = await imported(file, source);
  if (!isRecord(exported)) {
    throw unfit(
      file,
      "has no extension as its default export",
      "Write: export default defineExtension({ … }).",
    );
  }
  const wrong = Object.entries(parts).flatMap(([name, type]) => {
    const value = exported[name];
    if (value === undefined || (type === "string" ? typeof value === "string" : isRecord(value))) return [];
    return [`${name} is no ${type}`];
  });
  const unknown = Object.keys(exported).filter((name) => !Object.hasOwn(parts, name));
  const faults = [...wrong, ...unknown.map((name) => `${name} is no part of an extension`)];
  if (faults.length > 0) {
    throw unfit(
      file,
      `is not as it should be: ${faults.join("; ")}`,
      `Its parts are ${Object.keys(parts).join(", ")}.`,
    );
  }
  // Its parts have the kinds of Extension; what is in them is checked against the schema.
  return { extension: exported as Extension, file, source };
}

const parts = { typeDefs: "string", fields: "object", query: "object", mutation: "object", hooks: "object" };

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw unfit(file, "cannot be read", "Name a file with HOLDFAST_EXTENSIONS or --extensions.", cause);
  }
}

async function imported(file: string, source: string): Promise<unknown> {
  const url = pathToFileURL(file);
  // Node keeps what it has loaded by its URL: another text needs another one.
  url.searchParams.set("v", createHash("sha256").update(source).digest("hex").slice(0, 12));
  try {
    const module: { readonly default?: unknown } = await import(url.href);
    return module.default;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const line = lineOf(cause, file);
    throw new ServiceError(
      "CONFIG_INVALID",
      `The extension file ${file}${line === undefined ? "" : `:${line}`} cannot be loaded: ${why}${/[.!?]$/.test(why) ? "" : "."}`,
      { details: { file, ...(line === undefined ? {} : { line }), remedy: remedyFor(why) }, cause },
    );
  }
}

function remedyFor(why: string): string {
  return why.includes("package 'holdfast'")
    ? "The package must be found from its folder: npm link holdfast."
    : "Correct the file.";
}

/** The line of the file that an error's stack names; faults of syntax have it on top. */
function lineOf(error: unknown, file: string): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const at = (error.stack ?? "").split("\n").find((line) => line.includes(file));
  const [, line] = at === undefined ? [] : (/:(\d+)(?::\d+)?\)?$/.exec(at) ?? []);
  return line === undefined ? undefined : Number(line);
}

function unfit(file: string, what: string, remedy: string, cause?: unknown): ServiceError {
  return new ServiceError("CONFIG_INVALID", `The extension file ${file} ${what}. ${remedy}`, {
    details: { file, remedy },
    cause,
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

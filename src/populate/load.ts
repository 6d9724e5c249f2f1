/** Makers from files. */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ServiceError } from "../errors.ts";
import type { Maker } from "./contract.ts";

/** The maker that the file exports. @throws {CONFIG_INVALID} naming the file and what is wrong. */
export async function loadMaker(path: string): Promise<Maker> {
  const file = resolve(path);
  const { default: maker } = await import(pathToFileURL(file).href).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw unfit(file, `cannot be loaded: ${why}`, cause);
  });
  const fault = faultOf(maker);
  if (fault !== undefined) throw unfit(file, fault);
  return maker;
}

function faultOf(maker: unknown): string | undefined {
  if (typeof maker !== "object" || maker === null) return "has no maker as its default export";
  const { table, make, version }: Readonly<Record<string, unknown>> = { ...maker };
  if (typeof table !== "string" || !/^[A-Z]\w*$/.test(table))
    return "names no table: a type of the schema file";
  if (typeof make !== "function") return "has no function make";
  if (version === undefined || (typeof version === "string" && version.length <= 64)) return undefined;
  return "has a version that is no text of up to 64 characters";
}

function unfit(file: string, what: string, cause?: unknown): ServiceError {
  return new ServiceError("CONFIG_INVALID", `${file} ${what}.`, {
    cause,
    details: {
      value: file,
      remedy: 'Write: export default definePopulate({ table: "…", make(key, tools) { … } }).',
    },
  });
}

/** Paths inside an HDF5 file. Links within the file are followed, links to other files never. */

import { ServiceError } from "../errors.ts";
import type { Hdf5File } from "./hdf5-library.ts";

/** Links that may be followed on the way to one object. */
const maxLinks = 16;

/** The path of the object itself, without links on the way, as `/group/data`. @throws {BAD_USER_INPUT} */
export function resolvePath(file: Hdf5File, path: string): string {
  const wanted = partsOf(path);
  const found: string[] = [];
  for (let links = 0; wanted.length > 0; ) {
    const next = `/${[...found, wanted[0]].join("/")}`;
    const target = linkAt(file, next, path);
    if (target === undefined) {
      found.push(wanted.shift() ?? "");
      continue;
    }
    links += 1;
    if (links > maxLinks) throw refused(path, `it leads over more than ${maxLinks} links`);
    wanted.splice(0, 1, ...partsOf(target));
    if (target.startsWith("/")) found.length = 0;
  }
  return `/${found.join("/")}`;
}

function partsOf(path: string): string[] {
  // A point stands for the group itself in HDF5; two mean nothing.
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** Where the link leads, if it is one. */
function linkAt(file: Hdf5File, at: string, asked: string): string | undefined {
  const { library, id } = file;
  try {
    const target = file.ask("searched", () => library.get_symbolic_link(id, at));
    if (target !== null) return target;
    const external = file.ask("searched", () => library.get_external_link(id, at).filename);
    if (external === undefined) return undefined;
  } catch (error) {
    if (
      !(error instanceof ServiceError) ||
      !/not found|doesn't exist|not exist|not defined/.test(error.message)
    )
      throw error;
    throw refused(asked, `the file has no ${at}`);
  }
  throw refused(asked, `${at} is a link to another file, which is never opened`);
}

/** Whether something is in the file itself: neither a link nor elsewhere. */
export function isHere(file: Hdf5File, path: string): boolean {
  const { library, id } = file;
  return file.ask(
    "searched",
    () =>
      library.get_symbolic_link(id, path) === null &&
      library.get_external_link(id, path).filename === undefined,
  );
}

/** @throws {BAD_USER_INPUT} */
export function refused(path: string, why: string): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `The path ${JSON.stringify(path)}: ${why}.`, {
    details: { field: "path", value: path, remedy: "Give a path as datasets lists it." },
  });
}

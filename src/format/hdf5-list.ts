/** What an HDF5 file holds: its datasets, and the attributes of its groups and datasets. */

import { checkDecodeLimit } from "./decode-limits.ts";
import type { ElementJson } from "./elements.ts";
import { describedAt, type Hdf5Dataset, withAttribute } from "./hdf5-dataset.ts";
import { hdf5ToJson } from "./hdf5-elements.ts";
import type { Hdf5File } from "./hdf5-library.ts";
import { isHere, resolvePath } from "./hdf5-path.ts";
import { nameOf, typeOf, Unreadable } from "./hdf5-type.ts";

/** Which datasets. */
export interface ListOptions {
  readonly prefix: string;
  readonly first: number;
  readonly after: string | undefined;
}

/** Datasets in byte order of their paths, which have no leading slash. Links are not followed. */
export function listDatasets(file: Hdf5File, { prefix, first, after }: ListOptions): Hdf5Dataset[] {
  const { library, id } = file;
  const names = file.ask("listed", () => library.get_names(id, "/", true));
  checkDecodeLimit("elements", file.limits, { count: names.length, what: "groups and datasets" });
  const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const wanted = names.filter(
    (name) => name.startsWith(prefix) && (after === undefined || compare(name, after) > 0),
  );
  const found: Hdf5Dataset[] = [];
  for (const path of wanted.sort(compare)) {
    if (found.length >= first) break;
    if (!isHere(file, path)) continue;
    if (file.ask("listed", () => library.get_type(id, path)) !== library.H5G_DATASET) continue;
    found.push(describedAt(file, path));
  }
  return found;
}

/** An attribute. */
interface Hdf5Attribute {
  readonly name: string;
  readonly dtype: string | null;
  readonly shape: readonly number[] | null;
  readonly value: ElementJson;
  /** Why the value is not read. */
  readonly unreadable: string | null;
}

/** Attributes of a group or dataset; `/` or nothing is the file's own group. `admit` is told the bytes of all values, texts of variable length included, before they are read. */
export function attributesOf(
  file: Hdf5File,
  path: string,
  admit: (sizeBytes: number) => void,
): Hdf5Attribute[] {
  const { library, id } = file;
  const real = resolvePath(file, path);
  const names = file.ask("read", () => library.get_attribute_names(id, real));
  checkDecodeLimit("elements", file.limits, { count: names.length, what: "attributes" });
  let total = 0;
  return names.map((name): Hdf5Attribute => {
    const metadata = file.ask("read", () => library.get_attribute_metadata(id, real, name));
    const { shape } = metadata;
    try {
      const type = typeOf(metadata, file.limits.nesting);
      const facts = { name, dtype: nameOf(type), shape, unreadable: null };
      if (shape === null) return { ...facts, value: null };
      total += shape.reduce((product, n) => product * n, type.sizeBytes);
      admit(total);
      const before = total;
      const admitText = (sizeBytes: number): void => {
        total = before + sizeBytes;
        admit(total);
      };
      return {
        ...facts,
        value: withAttribute(file, { path: real, name, shape, type, admitText }, hdf5ToJson),
      };
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return { name, dtype: null, shape, value: null, unreadable: error.message };
    }
  });
}

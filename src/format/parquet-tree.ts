/** The schema as the library has it, by names: it looks for each part among all others. */

import type { SchemaTree } from "hyparquet/src/types.js";
import { corrupt } from "./fault.ts";

const knownChildren = new WeakMap<SchemaTree, ReadonlyMap<string, SchemaTree>>();

/** Parts of a part, by their names. */
export function childrenOf(tree: SchemaTree): ReadonlyMap<string, SchemaTree> {
  const known = knownChildren.get(tree);
  if (known !== undefined) return known;
  const children = new Map(tree.children.map((child) => [child.element.name, child]));
  knownChildren.set(tree, children);
  return children;
}

/** The parts of the schema on the way to a leaf. @throws {CODEC_CORRUPT} when there is none. */
export function treePath(tree: SchemaTree, names: readonly string[]): SchemaTree[] {
  const path = [tree];
  for (const name of names) {
    const child = childrenOf(path.at(-1) ?? tree).get(name);
    if (child === undefined)
      throw corrupt(`A column lies at ${JSON.stringify(names)}, where the schema has none.`);
    path.push(child);
  }
  return path;
}

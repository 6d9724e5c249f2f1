/** The fields of a key, in an order that gives its columns in theirs. */

import type { Draft, DraftReference, Member } from "./draft.ts";

/** The members; or the references that do not fit into the order; or the column that no field can give. */
export type KeyOrder =
  | { readonly members: readonly Member[] }
  | { readonly misfits: readonly DraftReference[] }
  | { readonly missing: string };

/**
 * Each reference gives its columns one after another, those that are there already left out. References that give none come where
 * the key is complete: they are of the key too.
 */
export function keyOrder({ table, words, references }: Draft): KeyOrder {
  const open = references.filter(({ inKey }) => inKey);
  const members: Member[] = [];
  const given = new Set<string>();
  const fresh = ({ columns }: DraftReference): string[] =>
    columns.map(({ column }) => column).filter((column) => !given.has(column));
  while (given.size < table.key.length) {
    const rest = table.key.slice(given.size);
    const [next = ""] = rest;
    const fitting = open
      .filter((reference) => {
        const columns = fresh(reference);
        return columns.length > 0 && columns.every((column, at) => column === rest[at]);
      })
      .toSorted((a, b) => fresh(b).length - fresh(a).length)[0];
    if (fitting !== undefined) {
      for (const column of fresh(fitting)) given.add(column);
      open.splice(open.indexOf(fitting), 1);
      members.push({ kind: "reference", reference: fitting });
      continue;
    }
    const misfits = references.filter(({ columns }) => columns.some(({ column }) => column === next));
    if (misfits.length > 0) return { misfits };
    if (!isKeyable(words.get(next))) return { missing: next };
    given.add(next);
    members.push({ kind: "column", column: next });
  }
  return { members: [...members, ...open.map((reference) => ({ kind: "reference", reference }) as const)] };
}

/** Codec values, json and bytes are no keys in the schema language. */
function isKeyable(words: { readonly comparable: boolean } | undefined): boolean {
  return words?.comparable === true;
}

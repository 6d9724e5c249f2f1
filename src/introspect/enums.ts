/** Enums of the schema language for the enum types that columns have: one for each set of values. */

import { pascalCase } from "../model/naming.ts";
import type { DescribedEnum } from "./description.ts";
import type { TypeNames } from "./type-names.ts";

/** A column that has an enum. */
export interface EnumUse {
  readonly labels: readonly string[];
  readonly column: string;
  /** Type name of its table. */
  readonly entity: string;
}

/** Enums by their values, whatever the order. */
export class Enums {
  readonly #names: TypeNames;
  readonly #found = new Map<string, DescribedEnum>();

  constructor(names: TypeNames) {
    this.#names = names;
  }

  get all(): readonly DescribedEnum[] {
    return [...this.#found.values()];
  }

  /** The enum of a column, named for the first column that has it. */
  of({ labels, column, entity }: EnumUse): DescribedEnum {
    const key = JSON.stringify(labels.toSorted());
    const found = this.#found.get(key);
    if (found !== undefined) return found;
    const usual = pascalCase(column);
    const name = this.#names.enum([usual, `${entity}${usual}`, `${usual}Kind`]);
    const made = { name, values: valuesOf(labels) };
    this.#found.set(key, made);
    return made;
  }
}

function valuesOf(labels: readonly string[]): DescribedEnum["values"] {
  const taken = new Set<string>();
  const named = (label: string): { readonly name: string; readonly stored: string } => {
    const usual = valueName(label);
    let name = usual;
    for (let number = 2; taken.has(name); number++) name = `${usual}_${number}`;
    taken.add(name);
    return { name, stored: label };
  };
  // Those that are names already keep them, whatever becomes of the others.
  for (const label of labels) if (valueName(label) === label) taken.add(label);
  return labels.map((label) => (valueName(label) === label ? { name: label, stored: label } : named(label)));
}

const words: ReadonlySet<string> = new Set(["true", "false", "null"]);

/** `correct reject` → `correct_reject`, `2p` → `_2p`; a text that is a name stays. */
function valueName(label: string): string {
  if (/^(?!__)[A-Za-z_]\w*$/.test(label)) return words.has(label) ? `${label}_` : label;
  const plain = label.normalize("NFKD").replaceAll(/\p{Mark}/gu, "");
  const name = plain.replaceAll(/\W+/g, "_").replace(/^_+|_+$/g, "");
  if (name === "") return "value";
  return /^\d/.test(name) ? `_${name}` : words.has(name) ? `${name}_` : name;
}

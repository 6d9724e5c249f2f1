/** Type names of tables and enums: DataJoint's class names where they are free, and otherwise others by rule. */

import type { ModelContext } from "../model/model.ts";
import { lowerFirst, pascalCase } from "../model/naming.ts";
import { pluralName } from "../model/plural.ts";
import {
  entityTypeNames,
  enumTypeNames,
  reservedRootFields,
  reservedTypeNames,
  rootFieldNames,
} from "../model/reserved.ts";

/** A name given to a table. */
export interface EntityName {
  readonly entity: string;
  /** Set where the usual plural is taken. */
  readonly plural?: string;
}

/** What a table would like to be called. */
export interface NameWish {
  /** Its class name. */
  readonly usual: string;
  readonly schema: string;
}

/** Gives names away, each once, with all names that the API makes of it. */
export class TypeNames {
  readonly #reserved: ReadonlySet<string>;
  /** With the schema of its table; of an enum none. */
  readonly #types = new Map<string, string>();
  readonly #derived = new Set<string>();
  readonly #roots = new Set<string>(reservedRootFields);

  constructor(context: ModelContext) {
    this.#reserved = reservedTypeNames(context);
  }

  /** The class name; where a table of another schema has it the schema's name goes in front, where anything else has it `Row` comes behind. */
  entity({ usual, schema }: NameWish): EntityName {
    const longer = `${pascalCase(schema)}${usual}`;
    const owner = this.#types.get(usual);
    const isOthers = owner !== undefined && owner !== schema;
    const wishes = isOthers ? [longer, `${longer}Row`] : [usual, `${usual}Row`, longer, `${longer}Row`];
    for (const entity of withNumbers(wishes, `${longer}Row`)) {
      const singular = lowerFirst(entity);
      for (const plural of new Set([pluralName(singular), `${singular}List`])) {
        const roots = rootFieldNames({ name: entity, singular, plural });
        const made = entityTypeNames(entity, plural);
        if (!this.#isFree(entity, made) || roots.some((name) => this.#roots.has(name))) continue;
        this.#take({ name: entity, schema }, made);
        for (const name of roots) this.#roots.add(name);
        return { entity, ...(plural === pluralName(singular) ? {} : { plural }) };
      }
    }
    throw new RangeError("Names are without end.");
  }

  /** The first that is free. */
  enum(wishes: readonly string[]): string {
    for (const name of withNumbers(wishes, wishes[0] ?? "Value")) {
      const made = enumTypeNames(name);
      if (!this.#isFree(name, made)) continue;
      this.#take({ name, schema: "" }, made);
      return name;
    }
    throw new RangeError("Names are without end.");
  }

  #isFree(name: string, made: readonly string[]): boolean {
    if (!/^[A-Z][A-Za-z0-9]*$/.test(name)) return false;
    if ([this.#reserved, this.#types, this.#derived].some((taken) => taken.has(name))) return false;
    return !made.some((each) => this.#types.has(each) || this.#derived.has(each) || this.#reserved.has(each));
  }

  #take({ name, schema }: { readonly name: string; readonly schema: string }, made: readonly string[]): void {
    this.#types.set(name, schema);
    for (const each of made) this.#derived.add(each);
  }
}

function* withNumbers(wishes: readonly string[], last: string): Generator<string> {
  yield* wishes;
  for (let number = 2; ; number++) yield `${last}${number}`;
}

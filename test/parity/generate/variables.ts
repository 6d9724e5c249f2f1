/** Documents that were asked before, and values of variables by their types: one plan must serve many requests. */

import type { Random } from "../../property/random.ts";
import type { Request } from "../oracle/answer.ts";

/** Values that are kept of one type. */
const most = 40;

/** What was asked of one served model. */
export class Variables {
  readonly #requests: Request[] = [];
  readonly #values = new Map<string, unknown[]>();

  /** Keeps a request's document and the values of its variables. */
  keep(request: Request): void {
    const types = typesOf(request.query);
    if (types.size === 0) return;
    this.#requests.push(request);
    if (this.#requests.length > most) this.#requests.shift();
    for (const [name, type] of types) {
      if (!(name in request.variables)) continue;
      const values = this.#values.get(bare(type)) ?? [];
      this.#values.set(bare(type), values);
      values.push(request.variables[name]);
      if (values.length > most) values.shift();
    }
  }

  /** A document that was asked before with values that stood in others; absent before there is one. */
  again(random: Random): Request | undefined {
    if (this.#requests.length === 0) return undefined;
    const { query, variables } = random.pick(this.#requests);
    const given: Record<string, unknown> = {};
    for (const [name, type] of typesOf(query)) {
      const values = (this.#values.get(bare(type)) ?? []).filter(
        (value) => value !== null || !type.endsWith("!"),
      );
      const isGiven = type.endsWith("!") ? name in variables || random.chance(0.5) : random.chance(0.85);
      if (!isGiven) continue;
      if (values.length > 0 && random.chance(0.8)) given[name] = random.pick(values);
      else if (name in variables) given[name] = variables[name];
    }
    return { query, variables: given };
  }
}

const bare = (type: string): string => type.replace(/!$/, "");

/** The declared types of an operation's variables. */
function typesOf(query: string): ReadonlyMap<string, string> {
  return new Map(
    [...query.matchAll(/\$(\w+): ([\w[\]!]+)/g)].map(([, name = "", type = ""]) => [name, type]),
  );
}

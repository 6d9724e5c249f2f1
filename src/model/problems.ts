/** Collects what the checks find, so that every fault of a schema is told in one go. */

import type { ASTNode } from "graphql";
import { ServiceError } from "../errors.ts";
import type { Location, Problem } from "./model.ts";

/** Reports a fault at a fixed place; gives `undefined`, so that a check can return it. */
export type Report = (message: string, remedy: string) => undefined;

/** The faults found so far. `message` has no full stop at its end, `remedy` has one. */
export class Problems {
  readonly #found: Problem[] = [];

  /** A reporter for the place where a node begins. */
  at(node: ASTNode): Report {
    const location = locationOf(node);
    return (message, remedy) => this.add(location, message, remedy);
  }

  add(location: Location, message: string, remedy: string): undefined {
    // Messages of the parser quote the text, line ends included; here each problem is one line.
    this.#found.push({ message: message.replace(/\s*[\r\n]+\s*/g, " "), remedy, location });
  }

  get isEmpty(): boolean {
    return this.#found.length === 0;
  }

  /** @throws {SCHEMA_INVALID} listing every fault, by file and place. */
  throwIfAny(): void {
    if (this.isEmpty) return;
    const problems = [...this.#found].sort(byPlace);
    const first = problems[0]?.location;
    throw new ServiceError("SCHEMA_INVALID", problems.map(problemText).join("\n"), {
      details: { problems, ...first },
    });
  }
}

/** One line: `file:line:column message. remedy`. */
function problemText(problem: Problem): string {
  const { file, line, column } = problem.location;
  return `${file}:${line}:${column} ${problem.message}. ${problem.remedy}`;
}

/** Where a node begins; a definition begins at its name, behind its description. */
export function locationOf(node: ASTNode): Location {
  const loc = "name" in node && node.name !== undefined && isDefinition(node) ? node.name.loc : node.loc;
  const token = loc?.startToken;
  return { file: loc?.source.name ?? "", line: token?.line ?? 1, column: token?.column ?? 1 };
}

function isDefinition(node: ASTNode): boolean {
  return /Definition$|Extension$/.test(node.kind);
}

function byPlace(a: Problem, b: Problem): number {
  const [x, y] = [a.location, b.location];
  if (x.file !== y.file) return x.file < y.file ? -1 : 1;
  return x.line - y.line || x.column - y.column;
}

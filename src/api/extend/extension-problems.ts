/** Where the problems of an extension lie: in SDL inside a TypeScript file, and at names that it uses. */

import type { ASTNode, GraphQLError } from "graphql";
import type { LoadedExtension } from "../../extend/load.ts";
import type { Location } from "../../model/model.ts";
import { Problems } from "../../model/problems.ts";

/** Collects problems of one extension file, each with its line. */
export class ExtensionProblems {
  readonly #problems = new Problems();
  readonly #loaded: LoadedExtension;

  constructor(loaded: LoadedExtension) {
    this.#loaded = loaded;
  }

  /** A problem at a part of `text`, a string of the file that was parsed. */
  inText(text: string, node: ASTNode | undefined, message: string, remedy: string): void {
    const token = node?.loc?.startToken;
    this.#add(this.#inside(text, token?.line ?? 1, token?.column ?? 1), message, remedy);
  }

  /** A fault that graphql-js found in `text`; `lines` come before the text in what was parsed. */
  byGraphql(text: string, error: GraphQLError, remedy: string, lines = 0): void {
    const [place] = error.locations ?? [];
    const at = this.#inside(text, Math.max((place?.line ?? 1) - lines, 1), place?.column ?? 1);
    this.#add(at, error.message, remedy);
  }

  /** A problem at names of the file, each looked for behind the one before: `["fields", "Session", "ageDays"]`. */
  atName(names: readonly string[], message: string, remedy: string): void {
    const { source, file } = this.#loaded;
    let at = 0;
    for (const name of names) {
      const found = source
        .slice(at)
        .search(new RegExp(`(?<![\\w$])${name.replaceAll("$", "\\$")}\\s*[:(?,}]`));
      if (found < 0) break;
      at += found;
    }
    this.#add({ file, ...placeOf(source, at) }, message, remedy);
  }

  get isEmpty(): boolean {
    return this.#problems.isEmpty;
  }

  /** @throws {SCHEMA_INVALID} listing every problem, by file and place. */
  throwIfAny(): void {
    this.#problems.throwIfAny();
  }

  #add(location: Location, message: string, remedy: string): void {
    this.#problems.add(location, message.replace(/[.?]$/, ""), remedy);
  }

  /** Strings with escapes or parts put together are not found as they are: then the lines are those of the string. */
  #inside(text: string, line: number, column: number): Location {
    const { source, file } = this.#loaded;
    const begin = source.indexOf(text);
    if (begin < 0) return { file, line, column };
    const start = placeOf(source, begin);
    return { file, line: start.line + line - 1, column: line === 1 ? start.column + column - 1 : column };
  }
}

function placeOf(source: string, at: number): { readonly line: number; readonly column: number } {
  const before = source.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

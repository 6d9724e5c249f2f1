/** SDL text of codecs, merged: a definition that several codecs repeat word for word stands once. */

import { ServiceError } from "../errors.ts";

/** Definitions of SDL text by name. Descriptions stay with what they describe. */
export function definitionsOf(sdl: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const text of splitDefinitions(sdl)) {
    const name = /(?:^|\n)\s*(?:type|input|enum|scalar|interface|union)\s+([_A-Za-z][_0-9A-Za-z]*)/.exec(
      blankStrings(text),
    )?.[1];
    if (name === undefined) {
      throw new ServiceError("CONFIG_INVALID", `A codec's typeDefs hold something that is no type: ${text}`);
    }
    found.set(name, text);
  }
  return found;
}

/** All definitions of all codecs. @throws {CONFIG_INVALID} when two codecs define one name differently. */
export function mergeTypeDefs(codecs: readonly { readonly name: string; readonly typeDefs: string }[]) {
  const merged = new Map<string, { text: string; codec: string }>();
  for (const codec of codecs) {
    for (const [name, text] of definitionsOf(codec.typeDefs)) {
      const known = merged.get(name);
      if (known !== undefined && normal(known.text) !== normal(text)) {
        throw new ServiceError(
          "CONFIG_INVALID",
          `Codecs "${known.codec}" and "${codec.name}" define the GraphQL type ${name} differently. Rename one.`,
          { details: { field: "typeDefs", value: name } },
        );
      }
      if (known === undefined) merged.set(name, { text, codec: codec.name });
    }
  }
  return merged;
}

function normal(text: string): string {
  return text.replace(/[\s,]+/g, " ").trim();
}

/** Strings and comments as blanks of the same length, so that braces and words in them do not count. */
function blankStrings(sdl: string): string {
  return sdl.replace(/"""[\s\S]*?"""|"(?:[^"\\\n]|\\.)*"|#[^\n]*/g, (text) => text.replace(/[^\n]/g, " "));
}

/** A definition ends at its closing brace, or where the next keyword stands at depth 0. */
function splitDefinitions(sdl: string): string[] {
  const plain = blankStrings(sdl);
  const starts: number[] = [];
  let depth = 0;
  for (const token of plain.matchAll(/[{}()]|\b(?:type|input|enum|scalar|interface|union)\b/g)) {
    if (token[0] === "{" || token[0] === "(") depth += 1;
    else if (token[0] === "}" || token[0] === ")") depth -= 1;
    else if (depth === 0) starts.push(token.index);
  }
  const cuts = starts.map((start, i) => (i === 0 ? 0 : descriptionStart(plain, start)));
  return cuts.map((cut, i) => sdl.slice(cut, cuts[i + 1]).trim());
}

/** Where the description before a keyword begins: after the last plain text before it. */
function descriptionStart(plain: string, keyword: number): number {
  return plain.slice(0, keyword).trimEnd().length;
}

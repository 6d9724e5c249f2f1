/** Smaller requests that still show the same: selections, arguments and values left out one by one. */

import { type ASTNode, type DocumentNode, Kind, parse, print, visit } from "graphql";
import type { Request } from "./oracle/answer.ts";

const removable: ReadonlySet<string> = new Set([
  Kind.FIELD,
  Kind.INLINE_FRAGMENT,
  Kind.FRAGMENT_SPREAD,
  Kind.FRAGMENT_DEFINITION,
  Kind.ARGUMENT,
  Kind.OBJECT_FIELD,
  Kind.DIRECTIVE,
  Kind.VARIABLE_DEFINITION,
]);

/** The smallest request found for which `isSame` holds. */
export async function smaller(
  request: Request,
  isSame: (request: Request) => Promise<boolean>,
): Promise<Request> {
  let best = request;
  let document: DocumentNode;
  try {
    document = parse(request.query);
  } catch {
    return request;
  }
  for (let tries = 0, isSmaller = true; isSmaller && tries < 1000; ) {
    isSmaller = false;
    for (let at = 0; at < parts(document).length && tries < 1000; ) {
      tries += 1;
      const candidate = without(document, at);
      const next =
        candidate === undefined
          ? undefined
          : { query: print(candidate), variables: used(candidate, best.variables) };
      if (candidate === undefined || next === undefined || !(await holds(next, isSame))) {
        at += 1;
        continue;
      }
      [best, document, isSmaller] = [next, candidate, true];
    }
  }
  return best;
}

async function holds(request: Request, isSame: (request: Request) => Promise<boolean>): Promise<boolean> {
  try {
    return await isSame(request);
  } catch {
    return false;
  }
}

function used(document: DocumentNode, variables: Request["variables"]): Request["variables"] {
  const names = new Set<string>();
  visit(document, { VariableDefinition: ({ variable }) => void names.add(variable.name.value) });
  return Object.fromEntries(Object.entries(variables).filter(([name]) => names.has(name)));
}

/** What can be left out, in the order of the document, so that large parts come before what is in them. */
function parts(document: DocumentNode): readonly ASTNode[] {
  const nodes: ASTNode[] = [];
  visit(document, {
    enter(node) {
      if (removable.has(node.kind)) nodes.push(node);
      if (node.kind === Kind.LIST) nodes.push(...node.values);
    },
  });
  return nodes;
}

/** The document without its part number `at`; absent where that is no document. */
function without(document: DocumentNode, at: number): DocumentNode | undefined {
  const node = parts(document)[at];
  try {
    return parse(print(visit(document, { enter: (one) => (one === node ? null : undefined) })));
  } catch {
    return undefined;
  }
}

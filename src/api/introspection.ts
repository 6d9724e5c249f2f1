/** `__schema` and `__type`, answered by graphql-js. */

import {
  type ASTNode,
  type DocumentNode,
  execute,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  visit,
} from "graphql";
import type { Budget } from "../plan/collect-fields.ts";

const lists = new Set([
  "types",
  "directives",
  "fields",
  "args",
  "interfaces",
  "possibleTypes",
  "enumValues",
  "inputFields",
]);

/** How many lists `nodes` ask for; each may be as long as the schema has types. Stops counting above `enough`. */
export function introspectionLists(
  nodes: readonly SelectionNode[],
  fragments: Readonly<Record<string, FragmentDefinitionNode>>,
  { enough, budget }: { readonly enough: number; readonly budget: Budget },
): number {
  let found = 0;
  const waiting = [...nodes];
  for (let node = waiting.pop(); node !== undefined && found <= enough; node = waiting.pop()) {
    budget.spend();
    if (node.kind === Kind.FIELD && lists.has(node.name.value)) found += 1;
    const inner =
      node.kind === Kind.FRAGMENT_SPREAD ? fragments[node.name.value]?.selectionSet : node.selectionSet;
    waiting.push(...(inner?.selections ?? []));
  }
  return found;
}

/** Executes the introspection fields of a query. */
export async function introspect(options: {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly nodes: readonly FieldNode[];
  readonly variables: Readonly<Record<string, unknown>>;
}): Promise<{ readonly data: Readonly<Record<string, unknown>>; readonly errors: readonly GraphQLError[] }> {
  const { schema, document, operation, nodes, variables } = options;
  const fragments = document.definitions.filter((one) => one.kind === Kind.FRAGMENT_DEFINITION);
  const selectionSet = { kind: Kind.SELECTION_SET, selections: nodes } as const;
  const used = usedVariables(nodes, fragments);
  // The others are coerced already, and some of their values cannot be coerced twice.
  const variableDefinitions = (operation.variableDefinitions ?? []).filter(({ variable }) =>
    used.has(variable.name.value),
  );
  const only: OperationDefinitionNode = { ...operation, variableDefinitions, selectionSet };
  const result = await execute({
    schema,
    document: { kind: Kind.DOCUMENT, definitions: [only, ...fragments] },
    variableValues: variables,
  });
  return { data: result.data ?? {}, errors: result.errors ?? [] };
}

/** The variables that `nodes` use: names of types, and what @skip, @include and `includeDeprecated` take. */
function usedVariables(
  nodes: readonly FieldNode[],
  fragments: readonly FragmentDefinitionNode[],
): ReadonlySet<string> {
  const used = new Set<string>();
  const waiting: ASTNode[] = [...nodes];
  const seen = new Set<ASTNode>();
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    visit(node, {
      Variable: ({ name }) => void used.add(name.value),
      FragmentSpread({ name }) {
        const fragment = fragments.find((one) => one.name.value === name.value);
        if (fragment === undefined || seen.has(fragment)) return;
        seen.add(fragment);
        waiting.push(fragment);
      },
    });
  }
  return used;
}

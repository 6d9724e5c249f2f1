/** `__schema` and `__type`, answered by graphql-js. */

import {
  type DocumentNode,
  execute,
  type FieldNode,
  type GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
} from "graphql";

/** Executes the introspection fields of a query. */
export async function introspect(options: {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly nodes: readonly FieldNode[];
  readonly variables: Readonly<Record<string, unknown>>;
}): Promise<{ readonly data: Readonly<Record<string, unknown>>; readonly errors: readonly GraphQLError[] }> {
  const { schema, document, operation, nodes, variables } = options;
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  const selectionSet = { kind: Kind.SELECTION_SET, selections: nodes } as const;
  const only: OperationDefinitionNode = { ...operation, selectionSet };
  const result = await execute({
    schema,
    document: { kind: Kind.DOCUMENT, definitions: [only, ...fragments] },
    variableValues: variables,
  });
  return { data: result.data ?? {}, errors: result.errors ?? [] };
}

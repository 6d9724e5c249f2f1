/** Selection sets flattened by the rules of GraphQL: fragments spread, @skip and @include applied, equal response names merged. */

import {
  type DirectiveNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getDirectiveValues,
  isAbstractType,
  Kind,
  type SelectionSetNode,
  typeFromAST,
} from "graphql";

/** What collecting needs of the request. Of the variables only those of @skip and @include matter. */
export interface CollectContext {
  readonly schema: GraphQLSchema;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly variables: Readonly<Record<string, unknown>>;
  /** Fragments can make a short document huge. */
  readonly budget?: Budget;
}

/** How much planning one operation may cost. */
export interface Budget {
  /** Called for each selection that is looked at. @throws {LIMIT_EXCEEDED} when there were too many. */
  spend(): void;
}

/** Field nodes by response name, in response order, of all `sets` together, for an object of `type`. */
export function collectFields(
  context: CollectContext,
  type: GraphQLObjectType,
  sets: readonly SelectionSetNode[],
): ReadonlyMap<string, readonly [FieldNode, ...FieldNode[]]> {
  const fields = new Map<string, [FieldNode, ...FieldNode[]]>();
  const spread = new Set<string>();
  for (const set of sets) collect(set, { context, type, fields, spread });
  return fields;
}

interface Collecting {
  readonly context: CollectContext;
  readonly type: GraphQLObjectType;
  readonly fields: Map<string, [FieldNode, ...FieldNode[]]>;
  readonly spread: Set<string>;
}

function collect(set: SelectionSetNode, into: Collecting): void {
  for (const selection of set.selections) {
    into.context.budget?.spend();
    if (!isIncluded(selection, into.context.variables)) continue;
    if (selection.kind === Kind.FIELD) {
      const key = selection.alias?.value ?? selection.name.value;
      const known = into.fields.get(key);
      if (known === undefined) into.fields.set(key, [selection]);
      else known.push(selection);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      if (applies(selection, into)) collect(selection.selectionSet, into);
    } else {
      const name = selection.name.value;
      const fragment = into.context.fragments[name];
      if (fragment === undefined || into.spread.has(name)) continue;
      into.spread.add(name);
      if (applies(fragment, into)) collect(fragment.selectionSet, into);
    }
  }
}

function isIncluded(
  node: { readonly directives?: readonly DirectiveNode[] | undefined },
  variables: Readonly<Record<string, unknown>>,
): boolean {
  if (node.directives === undefined || node.directives.length === 0) return true;
  const directives = { directives: node.directives };
  if (getDirectiveValues(GraphQLSkipDirective, directives, variables)?.["if"] === true) return false;
  return getDirectiveValues(GraphQLIncludeDirective, directives, variables)?.["if"] !== false;
}

function applies(
  fragment: { readonly typeCondition?: FragmentDefinitionNode["typeCondition"] | undefined },
  into: Collecting,
): boolean {
  if (fragment.typeCondition === undefined) return true;
  const condition = typeFromAST(into.context.schema, fragment.typeCondition);
  if (condition === into.type) return true;
  return isAbstractType(condition) && into.context.schema.isSubType(condition, into.type);
}

/** The selection sets of merged field nodes. */
export function selectionSets(nodes: readonly FieldNode[]): readonly SelectionSetNode[] {
  return nodes.flatMap((node) => node.selectionSet ?? []);
}

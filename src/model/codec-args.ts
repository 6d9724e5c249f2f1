/** `@codec(args: {…})`, checked by what the codec says it takes. */

import {
  buildASTSchema,
  type ConstDirectiveNode,
  type ConstValueNode,
  type GraphQLField,
  getArgumentValues,
  Kind,
  parse,
} from "graphql";
import { ServiceError } from "../errors.ts";
import type { DirectiveUse } from "./directive.ts";
import type { Scope } from "./draft.ts";
import type { CodecFacts, CodecUse } from "./model.ts";

/** The arguments of one use, defaults filled in; `undefined` when they are wrong, which is reported. */
export function codecArguments(
  use: DirectiveUse,
  { facts, label, scope }: { readonly facts: CodecFacts; readonly label: string; readonly scope: Scope },
): CodecUse["args"] | undefined {
  const literal = use.literal("args");
  if (literal === undefined && facts.args === undefined) return {};
  const report = scope.problems.at(literal ?? use.place("name"));
  const given = literal === undefined || literal.kind === Kind.NULL ? [] : fieldsOf(literal);
  if (given === undefined)
    return report(`${label}: the codec's args are no JSON object`, "Write args: {name: value}.");
  const taken = takenBy(facts);
  const stray = given.find(({ name }) => !taken?.args.some((one) => one.name === name.value));
  if (stray !== undefined) {
    return report(
      `${label}: the codec ${facts.name} takes no argument ${JSON.stringify(stray.name.value)}`,
      facts.args === undefined ? "It takes none: remove args." : `It takes: ${facts.args}.`,
    );
  }
  if (taken === undefined) return {};
  try {
    return { ...getArgumentValues(taken, asDirective(given)) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return report(`${label}: args of the codec ${facts.name}: ${why}`, `It takes: ${facts.args}.`);
  }
}

type Given = Extract<ConstValueNode, { kind: Kind.OBJECT }>["fields"];

function fieldsOf(literal: ConstValueNode): Given | undefined {
  return literal.kind === Kind.OBJECT ? literal.fields : undefined;
}

function asDirective(given: Given): ConstDirectiveNode {
  return {
    kind: Kind.DIRECTIVE,
    name: { kind: Kind.NAME, value: "codec" },
    arguments: given.map(({ name, value }) => ({ kind: Kind.ARGUMENT, name, value })),
  };
}

/** @throws {CONFIG_INVALID} when the codec's `args` are no arguments in SDL. */
export function checkArgumentSdl(facts: CodecFacts): void {
  takenBy(facts);
}

function takenBy({ name, args, argTypes = "" }: CodecFacts): GraphQLField<unknown, unknown> | undefined {
  if (args === undefined) return undefined;
  try {
    const enums = parse(`${argTypes}\ntype Query { codec(${args}): Int }`).definitions.filter(
      ({ kind, ...node }) =>
        kind === Kind.ENUM_TYPE_DEFINITION || ("name" in node && node.name?.value === "Query"),
    );
    return buildASTSchema({ kind: Kind.DOCUMENT, definitions: enums }).getQueryType()?.getFields()["codec"];
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError("CONFIG_INVALID", `Codec "${name}": its args are no arguments in SDL: ${why}`, {
      details: {
        field: "args",
        value: args,
        remedy: "Write them as SDL, of scalars and enums of typeDefs: rate: Float! = 30000",
      },
      cause,
    });
  }
}

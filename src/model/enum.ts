/** Enum definitions → enum types, with the rules that DataJoint's reading of `enum('a','b')` sets. */

import type { EnumTypeDefinitionNode, EnumValueDefinitionNode } from "graphql";
import { readDirectives } from "./directive.ts";
import type { EnumType } from "./model.ts";
import { enumTypeName, identifierLimitBytes, sizeInBytes } from "./naming.ts";
import type { Problems } from "./problems.ts";

type EnumValue = EnumType["values"][number];

/** Builds every enum; faulty ones are reported and left out. */
export function buildEnums(
  nodes: readonly EnumTypeDefinitionNode[],
  problems: Problems,
): ReadonlyMap<string, EnumType> {
  const enums = new Map<string, EnumType>();
  const typeNames = new Map<string, EnumType>();
  for (const node of nodes) {
    const name = node.name.value;
    readDirectives(node.directives ?? [], { place: "enum", label: `Enum ${name}` }, problems);
    const values = buildValues(node, problems);
    if (values === undefined || enums.has(name)) continue;
    const type: EnumType = { name, description: node.description?.value ?? "", values };
    checkTypeName(node, type, { typeNames, problems });
    enums.set(name, type);
  }
  return enums;
}

function buildValues(node: EnumTypeDefinitionNode, problems: Problems): EnumValue[] | undefined {
  const values: EnumValue[] = [];
  let isSound = true;
  for (const valueNode of node.values ?? []) {
    const value = buildValue(node.name.value, valueNode, problems);
    if (value === undefined) isSound = false;
    else if (values.some((other) => other.name === value.name)) {
      problems.at(valueNode)(`Enum value ${node.name.value}.${value.name} stands twice`, "Keep one of them.");
      isSound = false;
    } else if (values.some((other) => other.stored === value.stored)) {
      problems.at(valueNode)(
        `Enum value ${node.name.value}.${value.name}: another value is stored as ${JSON.stringify(value.stored)} too`,
        "Give each value its own text.",
      );
      isSound = false;
    } else values.push(value);
  }
  return isSound && values.length > 0 ? values : undefined;
}

function buildValue(owner: string, node: EnumValueDefinitionNode, problems: Problems): EnumValue | undefined {
  const name = node.name.value;
  const label = `Enum value ${owner}.${name}`;
  const use = readDirectives(node.directives ?? [], { place: "enum value", label }, problems).one("value");
  const stored = use?.text("name") ?? name;
  const place = use?.place("name") ?? node;
  if (name.startsWith("__")) {
    return problems.at(node)(`${label}: names that begin with __ belong to GraphQL`, "Choose another name.");
  }
  const fault = storedFault(stored);
  if (fault !== undefined) {
    return problems.at(place)(
      `${label}: the stored text ${JSON.stringify(stored)} ${fault}`,
      'Choose another text with @value(name: "…").',
    );
  }
  const description = node.description?.value ?? "";
  return { name, stored, description };
}

/** DataJoint splits the list at commas and strips blanks and quotes; a spec ends at the first colon. */
function storedFault(text: string): string | undefined {
  if (text === "") return "is empty";
  if (text.trim() !== text) return "begins or ends with a blank";
  const forbidden = /[,'"\\:]/.exec(text)?.[0];
  if (forbidden !== undefined)
    return `holds the character ${forbidden} which an enum in DataJoint cannot carry`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\u0000-\u001f\u007f]/.test(text)) return "holds a control character";
  return sizeInBytes(text) > identifierLimitBytes
    ? `is longer than ${identifierLimitBytes} bytes`
    : undefined;
}

interface TypeNameCheck {
  readonly typeNames: Map<string, EnumType>;
  readonly problems: Problems;
}

/** The name hashes the values joined by `_`, so that `A_B` alone and `A`, `B` fall together. */
function checkTypeName(
  node: EnumTypeDefinitionNode,
  type: EnumType,
  { typeNames, problems }: TypeNameCheck,
): void {
  const stored = type.values.map((value) => value.stored);
  const typeName = enumTypeName(stored);
  const other = typeNames.get(typeName);
  if (other === undefined) {
    typeNames.set(typeName, type);
    return;
  }
  const others = new Set(other.values.map((value) => value.stored));
  if (others.size === stored.length && stored.every((each) => others.has(each))) return;
  problems.at(node)(
    `Enum ${type.name}: its PostgreSQL type would be ${typeName}, which enum ${other.name} has with other values`,
    'Change the stored text of one value with @value(name: "…").',
  );
}

/** The directives of the schema language: where each may stand and which arguments it takes. */

import { type ConstArgumentNode, type ConstDirectiveNode, type ConstValueNode, Kind } from "graphql";
import type { Problems } from "./problems.ts";

/** A place where a directive may stand, in words of the user. */
type Place = "schema" | "type" | "field" | "enum" | "enum value";

type ArgumentKind = "string" | "strings" | "tier" | "json";

interface DirectiveRule {
  readonly places: readonly Place[];
  readonly repeatable?: boolean;
  readonly required: readonly string[];
  readonly arguments: Readonly<Record<string, ArgumentKind>>;
}

/** Every directive of the language. */
export const directiveRules: ReadonlyMap<string, DirectiveRule> = new Map<string, DirectiveRule>([
  ["database", { places: ["schema"], required: ["schema"], arguments: { schema: "string" } }],
  [
    "table",
    {
      places: ["type"],
      required: [],
      arguments: {
        name: "string",
        tier: "tier",
        partOf: "string",
        schema: "string",
        plural: "string",
        expires: "string",
      },
    },
  ],
  ["key", { places: ["field"], required: [], arguments: {} }],
  [
    "column",
    {
      places: ["field"],
      required: [],
      arguments: { name: "string", type: "string", native: "string", default: "json" },
    },
  ],
  [
    "codec",
    { places: ["field"], required: ["name"], arguments: { name: "string", store: "string", args: "json" } },
  ],
  ["reference", { places: ["field"], required: ["columns"], arguments: { columns: "strings" } }],
  ["reverse", { places: ["field"], required: ["name"], arguments: { name: "string" } }],
  ["unique", { places: ["type", "field"], repeatable: true, required: [], arguments: { fields: "strings" } }],
  ["index", { places: ["type"], repeatable: true, required: ["fields"], arguments: { fields: "strings" } }],
  ["renamedFrom", { places: ["type", "field"], required: ["name"], arguments: { name: "string" } }],
  ["value", { places: ["enum value"], required: ["name"], arguments: { name: "string" } }],
]);

/** One use of a directive, its arguments checked for kind. */
export class DirectiveUse {
  readonly node: ConstDirectiveNode;
  readonly #values: ReadonlyMap<string, ConstValueNode>;

  constructor(node: ConstDirectiveNode, values: ReadonlyMap<string, ConstValueNode>) {
    this.node = node;
    this.#values = values;
  }

  has(argument: string): boolean {
    return this.#values.has(argument);
  }

  /** The literal as written. */
  literal(argument: string): ConstValueNode | undefined {
    return this.#values.get(argument);
  }

  text(argument: string): string | undefined {
    const value = this.#values.get(argument);
    return value?.kind === Kind.STRING || value?.kind === Kind.ENUM ? value.value : undefined;
  }

  texts(argument: string): readonly string[] {
    const value = this.#values.get(argument);
    if (value?.kind === Kind.STRING) return [value.value];
    if (value?.kind !== Kind.LIST) return [];
    return value.values.flatMap((item) => (item.kind === Kind.STRING ? [item.value] : []));
  }

  /** Where the argument stands, else the directive. */
  place(argument: string): ConstDirectiveNode | ConstValueNode {
    return this.#values.get(argument) ?? this.node;
  }
}

/** The directives on one definition, by name. */
export class DirectiveUses {
  readonly #uses: ReadonlyMap<string, readonly DirectiveUse[]>;

  /** False when a directive was refused: what it would have said is not known. */
  readonly isSound: boolean;

  constructor(uses: ReadonlyMap<string, readonly DirectiveUse[]>, isSound: boolean) {
    this.#uses = uses;
    this.isSound = isSound;
  }

  one(name: string): DirectiveUse | undefined {
    return this.#uses.get(name)?.[0];
  }

  all(name: string): readonly DirectiveUse[] {
    return this.#uses.get(name) ?? [];
  }
}

/** What carries the directives: its place, and how messages call it (`Field Subject.name`). */
export interface DirectiveOwner {
  readonly place: Place;
  readonly label: string;
}

/** Reads and checks the directives of one definition; wrong ones are reported and left out. */
export function readDirectives(
  nodes: readonly ConstDirectiveNode[],
  owner: DirectiveOwner,
  problems: Problems,
): DirectiveUses {
  const uses = new Map<string, DirectiveUse[]>();
  let isSound = true;
  for (const node of nodes) {
    const rule = ruleFor(node, owner, problems);
    if (rule === undefined) {
      isSound = false;
      continue;
    }
    const values = readArguments(node, { rule, label: `${owner.label}: @${node.name.value}`, problems });
    if (values === undefined) {
      isSound = false;
      continue;
    }
    const name = node.name.value;
    const before = uses.get(name) ?? [];
    if (before.length > 0 && rule.repeatable !== true) {
      problems.at(node)(`${owner.label}: @${name} stands twice`, "Keep one of them.");
      isSound = false;
      continue;
    }
    uses.set(name, [...before, new DirectiveUse(node, values)]);
  }
  return new DirectiveUses(uses, isSound);
}

function ruleFor(
  node: ConstDirectiveNode,
  owner: DirectiveOwner,
  problems: Problems,
): DirectiveRule | undefined {
  const name = node.name.value;
  const rule = directiveRules.get(name);
  if (rule === undefined) {
    const known = [...directiveRules.keys()].map((each) => `@${each}`).join(" ");
    return problems.at(node)(`${owner.label}: there is no directive @${name}`, `Known ones are ${known}.`);
  }
  if (!rule.places.includes(owner.place)) {
    const places = rule.places.map((place) => article(place)).join(" or ");
    return problems.at(node)(
      `${owner.label}: @${name} may not stand on ${article(owner.place)}`,
      `Put it on ${places}, or remove it.`,
    );
  }
  return rule;
}

function article(place: Place): string {
  return place === "schema" ? "the schema" : /^[aeiou]/.test(place) ? `an ${place}` : `a ${place}`;
}

function readArguments(
  node: ConstDirectiveNode,
  { rule, label, problems }: ArgumentCheck,
): ReadonlyMap<string, ConstValueNode> | undefined {
  const values = new Map<string, ConstValueNode>();
  let isSound = true;
  for (const argument of node.arguments ?? []) {
    if (values.has(argument.name.value)) {
      problems.at(argument)(`${label}: argument ${argument.name.value} is given twice`, "Keep one of them.");
      isSound = false;
    } else if (checkArgument(argument, { rule, label, problems })) {
      values.set(argument.name.value, argument.value);
    } else isSound = false;
  }
  for (const name of isSound ? rule.required : []) {
    if (values.has(name)) continue;
    problems.at(node)(`${label}: argument ${name} is missing`, `Write @${node.name.value}(${name}: …).`);
    isSound = false;
  }
  return isSound ? values : undefined;
}

interface ArgumentCheck {
  readonly rule: DirectiveRule;
  readonly label: string;
  readonly problems: Problems;
}

function checkArgument(node: ConstArgumentNode, { rule, label, problems }: ArgumentCheck): boolean {
  const name = node.name.value;
  const kind = Object.hasOwn(rule.arguments, name) ? rule.arguments[name] : undefined;
  if (kind === undefined) {
    const known = Object.keys(rule.arguments);
    const remedy = known.length === 0 ? "It takes none." : `It takes ${known.join(", ")}.`;
    problems.at(node)(`${label}: there is no argument ${name}`, remedy);
    return false;
  }
  const remedy = wrongKind(node, kind);
  if (remedy !== undefined) problems.at(node.value)(`${label}: argument ${name} has the wrong type`, remedy);
  return remedy === undefined;
}

const tiers = ["MANUAL", "LOOKUP", "IMPORTED", "COMPUTED"];

function wrongKind({ value }: ConstArgumentNode, kind: ArgumentKind): string | undefined {
  if (kind === "json") return undefined;
  if (kind === "string") return value.kind === Kind.STRING ? undefined : 'Write a text in quotes: "…".';
  if (kind === "tier") {
    return value.kind === Kind.ENUM && tiers.includes(value.value)
      ? undefined
      : `Write one of ${tiers.join(", ")}, without quotes.`;
  }
  const items = value.kind === Kind.LIST ? value.values : [value];
  if (items.length === 0) return 'Name at least one: ["…"].';
  return items.every((item) => item.kind === Kind.STRING) ? undefined : 'Write a list of texts: ["…", "…"].';
}

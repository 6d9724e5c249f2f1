/** Codecs that the schema file names and that are not loaded, completed by what the database has kept of them. */

import { type ConstDirectiveNode, Kind, parse, visit } from "graphql";
import { type Absence, describeForKeeps, missingCodec } from "../../codec/missing.ts";
import { type CodecRegistry, createRegistry, type MissingCodec } from "../../codec/registry.ts";
import type { Model } from "../../model/model.ts";
import type { BrokenPlugin } from "../../plugin/contract.ts";

/** Descriptions by codec name, as `holdfast.codec` has them. */
export type KeptCodecs = ReadonlyMap<string, unknown>;

/** Names in `@codec(name: …)` that no loaded codec has; none where the text is no SDL, which is told later. */
export function unloadedNames(source: string, registry: CodecRegistry): readonly string[] {
  const names = new Set<string>();
  try {
    visit(parse(source), {
      Directive(node) {
        const name = node.name.value === "codec" ? nameOf(node as ConstDirectiveNode) : undefined;
        if (name !== undefined && registry.find(name) === undefined) names.add(name);
      },
    });
  } catch {
    return [];
  }
  return [...names];
}

function nameOf(node: ConstDirectiveNode): string | undefined {
  const value = node.arguments?.find(({ name }) => name.value === "name")?.value;
  return value?.kind === Kind.STRING ? value.value : undefined;
}

/** What a search for missing codecs stands on. */
interface Parts {
  readonly source: string;
  readonly registry: CodecRegistry;
  readonly broken: readonly BrokenPlugin[];
}

/** The missing codecs that are known; one whose types no longer fit to the loaded ones is left out. */
export function findMissing({ source, registry, broken }: Parts, kept: KeptCodecs): MissingCodec[] {
  const found: MissingCodec[] = [];
  for (const name of unloadedNames(source, registry)) {
    const one = missingCodec(kept.get(name), absenceOf(name, broken));
    if (one !== undefined && fits(registry, [...found, one])) found.push(one);
  }
  return found;
}

function absenceOf(name: string, broken: readonly BrokenPlugin[]): Absence {
  const culprit = broken.find((one) => one.kind === "codec" && one.name === name);
  if (culprit !== undefined)
    return { reason: `${culprit.source}: ${culprit.problem}`, remedy: culprit.remedy };
  return {
    reason: "no file of the codecs folder and no declared package has it.",
    remedy: `Install its package again, or put its file into the folder codecs beside the schema file; then start again.`,
  };
}

function fits(registry: CodecRegistry, missing: readonly MissingCodec[]): boolean {
  try {
    createRegistry(registry.all, missing);
    return true;
  } catch {
    return false;
  }
}

/** What to keep of the codecs that a model uses. */
export function codecsToKeep(model: Model, registry: CodecRegistry): KeptCodecs {
  const used = new Set(
    model.entities.flatMap(({ columns }) => columns.flatMap(({ type }) => type.codec?.name ?? [])),
  );
  return new Map(
    registry.all
      .filter(({ name }) => used.has(name))
      .map((codec) => [codec.name, describeForKeeps(registry, codec)]),
  );
}

/** A codec that is known and not loaded: types stay, values cannot be told. */

import { describe, expect, it } from "vitest";
import hash from "../../codecs/hash.ts";
import spikes from "../../examples/codecs/spikes.ts";
import { buildEntitySchema } from "../../src/api/schema.ts";
import { describeForKeeps, missingCodec } from "../../src/codec/missing.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { parseModel } from "../../src/model/parse.ts";

const loaded = createRegistry([hash, spikes]);
const kept: unknown = JSON.parse(JSON.stringify(describeForKeeps(loaded, spikes)));
const one = missingCodec(kept, { reason: "its package is gone.", remedy: "Install it." });
if (one === undefined) throw new Error("no description");
const registry = createRegistry([hash], [one]);

const text = (type: string) =>
  `extend schema @database(schema: "lab") type Unit @table { unitId: Int! @key spikes: ${type} @codec(name: "spikes", store: "main") all: [Spikes!]! @codec(name: "spikes") }`;

const model = (codecs: typeof loaded, source: string, missing: readonly string[] = []) =>
  parseModel([{ path: "schema.graphql", text: source }], {
    codecs: codecs.facts,
    typeNames: codecs.typeNames,
    missingCodecs: new Set(missing),
    stores: new Set(["main"]),
    defaultStore: "main",
    filepathDefaultStore: "main",
  });

describe("a missing codec", () => {
  it("keeps columns, types and inputs; only its values may be null", () => {
    const before = buildEntitySchema(model(loaded, text("Spikes!")), loaded).sdl;
    const after = buildEntitySchema(model(registry, text("Spikes!"), ["spikes"]), registry).sdl;
    const nullable = before
      .replaceAll(/(\n {2}spikes: Spikes)!/g, "$1")
      .replace("all: [Spikes!]!", "all: [Spikes]!");
    expect(after).toBe(nullable);
    expect(after).not.toBe(before);
    expect(after).toContain("spikes: SpikesInput!");
    const columns = (of: typeof loaded, names: readonly string[]) =>
      model(of, text("Spikes"), names).entities.map(({ columns }) =>
        columns.map(({ type }) => [type.spec, type.sql]),
      );
    expect(columns(registry, ["spikes"])).toEqual(columns(loaded, []));
  });

  it("answers CODEC_UNAVAILABLE with why and what to do", () => {
    expect(registry.find("spikes")).toBeUndefined();
    expect(() => registry.get("spikes")).toThrow(
      'The value was written by the codec "spikes", which is not loaded: its package is gone.',
    );
    expect(registry.unavailable("spikes")).toMatchObject({
      code: "CODEC_UNAVAILABLE",
      details: { codec: "spikes", remedy: "Install it." },
    });
    expect(registry.unavailable("hash")).toBeUndefined();
    expect(registry.all).toEqual([hash]);
  });

  it("may be declared as Opaque, known or not; a loaded one may not", () => {
    const opaque =
      'extend schema @database(schema: "lab") type Unit @table { unitId: Int! @key x: Opaque! @codec(name: "NAME", store: "main") }';
    for (const name of ["spikes", "unheard"]) {
      const found = model(registry, opaque.replace("NAME", name), ["spikes"]);
      expect(found.entities[0]?.columns[1]?.type).toMatchObject({
        graphql: "Opaque",
        sql: "jsonb",
        spec: `<${name}@main>`,
      });
      expect(buildEntitySchema(found, registry).sdl).toContain("x: Opaque!");
    }
    expect(() => model(loaded, opaque.replace("NAME", "spikes"))).toThrow(
      "the codec spikes gives Spikes, not Opaque",
    );
    expect(() => model(loaded, opaque.replace("NAME", "unheard").replace("Opaque", "Spikes"))).toThrow(
      'no codec "unheard" is loaded',
    );
  });

  it("is unknown where what was kept is no description", () => {
    const absence = { reason: "x", remedy: "y" };
    for (const wrong of [
      undefined,
      null,
      1,
      {},
      { shape: {}, facts: {} },
      { ...(kept as object), facts: { name: "other" } },
    ])
      expect(missingCodec(wrong, absence)).toBeUndefined();
  });
});

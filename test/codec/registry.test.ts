import { describe, expect, it } from "vitest";
import hash from "../../codecs/hash.ts";
import npy from "../../codecs/npy.ts";
import { defineCodec } from "../../src/codec/contract.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { definitionsOf } from "../../src/codec/type-defs.ts";

const noted = defineCodec({
  ...hash,
  name: "noted",
  chain: { row: "bytes", store: "<hash>" },
  output: "Noted",
  fields: { kind: { type: "String!", description: "x", sql: { row: () => "'n'", store: () => "'n'" } } },
});

const numberText = { text: { type: "Int", description: "x", sql: { store: () => "1" } } };

describe("createRegistry", () => {
  it("tells the model the column types and what is external", () => {
    const { facts } = createRegistry([hash, npy, noted]);
    expect(facts.get("npy")).toEqual({ name: "npy", output: "NdArray", store: "jsonb", external: false });
    expect(facts.get("noted")).toEqual({
      name: "noted",
      output: "Noted",
      row: "bytea",
      store: "jsonb",
      external: false,
    });
  });

  it("names the codecs there are when one is unknown", () => {
    expect(() => createRegistry([npy, hash]).get("npz")).toThrow(
      'No codec is called "npz". Loaded: hash, npy.',
    );
    expect(createRegistry([npy]).find("constructor")).toBeUndefined();
  });

  it("holds shared definitions once and lists every type name", () => {
    const registry = createRegistry([npy, hash, noted]);
    expect(registry.typeDefs.match(/input FileInput/g)).toHaveLength(1);
    expect([...registry.typeNames].sort()).toEqual(
      [
        ...["ArrayBase64Input", "ArrayValuesInput", "File", "FileBase64Input", "FileInput", "FileTextInput"],
        ...["ArrayStatistics", "NdArray", "NdArrayInput", "Noted", "SliceInput"],
      ].sort(),
    );
  });

  it("makes a field nullable where a codec of the type lacks it", () => {
    const other = defineCodec({ ...noted, name: "other", fields: {} });
    expect(createRegistry([noted, hash]).outputs.get("Noted")?.fields.get("kind")?.type).toBe("String!");
    const merged = createRegistry([noted, other, hash]).outputs.get("Noted");
    expect(merged?.codecs).toEqual(["noted", "other"]);
    expect(merged?.fields.get("kind")?.type).toBe("String");
  });

  it.each([
    ["two codecs of one name", [npy, npy], 'Two codecs are called "npy"'],
    ["a chain into nothing", [noted], 'No codec is called "hash"'],
    [
      "clashing types",
      [npy, { ...hash, typeDefs: `${hash.typeDefs} input SliceInput { x: Int }` }],
      "SliceInput differently",
    ],
    [
      "clashing fields",
      [hash, { ...npy, output: "File", fields: numberText }],
      "share the type File but give its field text",
    ],
    ["an input that is not defined", [{ ...npy, input: "Nothing" }], "names the input type Nothing"],
    ["a chain in a circle", [hash, { ...noted, chain: { store: "<noted>" as const } }], "stands on itself"],
  ])("refuses %s", (_name, codecs, message) => {
    expect(() => createRegistry(codecs)).toThrow(message);
  });
});

describe("definitionsOf", () => {
  it("splits definitions with their descriptions, whatever the strings say", () => {
    const found = definitionsOf(`
      "a } type Trap {" input A @oneOf { x(a: Int = 1): Int "input B {" y: Int }
      """type Z {"""
      type B implements C & D { type: String input: Int }   # type E
      enum F { type input }
      union G = A | B
      scalar H`);
    expect([...found.keys()]).toEqual(["A", "B", "F", "G", "H"]);
    expect(found.get("B")).toMatch(/^"""type Z \{"""/);
  });
});

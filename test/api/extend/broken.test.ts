/** Extensions that do not fit: every problem at once, each with its line. */

import { describe, expect, it } from "vitest";
import { extendEntitySchema } from "../../../src/api/extend/user-schema.ts";
import { buildEntitySchema } from "../../../src/api/schema.ts";
import { isServiceError } from "../../../src/errors.ts";
import type { Extension } from "../../../src/extend/contract.ts";
import { parseModel } from "../../../src/model/parse.ts";
import { shippedRegistry } from "../laboratory.ts";
import { loaded, sdl } from "./laboratory.ts";

const registry = await shippedRegistry();
const model = parseModel([{ path: "schema.graphql", text: sdl }], {
  codecs: registry.facts,
  stores: new Set(["main"]),
  defaultStore: "main",
  filepathDefaultStore: undefined,
});
const base = buildEntitySchema(model, registry);

/** The problems of an extension, a line each; its source is what is given, so that lines can be told. */
function problems(extension: Extension, source = ""): string[] {
  try {
    extendEntitySchema(base, model, loaded(extension, source));
    return [];
  } catch (error) {
    if (!isServiceError(error, "SCHEMA_INVALID")) throw error;
    return error.message.split("\n");
  }
}

const resolve = () => null;

describe("an extension", () => {
  it("that fits has no problems, with and without SDL", () => {
    expect(problems({})).toEqual([]);
    expect(
      problems({ typeDefs: "# nothing\n", hooks: { Session: { afterCreate: () => undefined } } }),
    ).toEqual([]);
    expect(
      problems({
        typeDefs:
          "extend type Session implements Named { label(of: SessionFilter, how: How = A): String } interface Named { label(of: SessionFilter, how: How): String } enum How { A B } type Own implements Named { label(of: SessionFilter, how: How): String }",
        fields: { Session: { label: { resolve } }, Own: { label: { resolve } } },
      }),
    ).toEqual([]);
  });

  it("with a fault of syntax in its SDL is told the line of the file", () => {
    const typeDefs = "\n  extend type Session {\n    label String\n  }\n";
    expect(problems({ typeDefs }, `line one\nline two typeDefs: \`${typeDefs}\``)).toEqual([
      'extensions.ts:4:11 Syntax Error: Expected ":", found Name "String". Correct typeDefs.',
      // Where the SDL cannot be read nothing is known of its fields.
    ]);
  });

  it("is told names that are taken, kept or not to be extended", () => {
    const text = (typeDefs: string) => problems({ typeDefs });
    expect(text("type Subject { a: Int }")).toEqual([
      expect.stringMatching(/:1:6 Type "Subject" already exists in the schema/),
    ]);
    expect(text("type SessionConnection { a: Int }")[0]).toMatch(/already exists/);
    expect(text("type SessionLinkInput { a: Int }")[0]).toMatch(
      /The name SessionLinkInput is kept for what the API makes/,
    );
    expect(text("type Subscription { a: Int }")[0]).toMatch(/already exists/);
    expect(text("extend type Subscription { a: Int }")).toContainEqual(
      expect.stringMatching(/The generated type Subscription cannot be extended/),
    );
    expect(text("extend type SessionConnection { a: Int }")).toContainEqual(
      expect.stringMatching(/The generated type SessionConnection cannot be extended/),
    );
    expect(text("extend type Nowhere { a: Int }")).toContainEqual(
      expect.stringMatching(/Cannot extend type "Nowhere" because it is not defined/),
    );
    expect(
      problems({
        typeDefs: "extend type Session { startedAt: Int }",
        fields: { Session: { startedAt: { resolve } } },
      }),
    ).toEqual([expect.stringMatching(/:1:23 Field "Session.startedAt" already exists in the schema/)]);
    expect(
      problems({
        typeDefs: "extend type Query { sessions: Int createUpload: Int }",
        query: { sessions: resolve, createUpload: resolve },
      }).join("\n"),
    ).toMatch(/The root field createUpload belongs to the API/);
    expect(
      problems({ typeDefs: "extend type Query { sessions: Int }", query: { sessions: resolve } })[0],
    ).toMatch(/"Query.sessions" already exists/);
  });

  it("is told what cannot stand in its SDL, and answers that only the API can make", () => {
    const text = (typeDefs: string) => problems({ typeDefs }).join("\n");
    expect(text("scalar Colour")).toMatch(/A scalar Colour cannot stand in typeDefs/);
    expect(text("directive @x on FIELD")).toMatch(/A directive x cannot stand/);
    expect(text("extend input SessionFilter { a: Int }")).toMatch(
      /An extension of the input object SessionFilter cannot stand/,
    );
    expect(text("query { node }")).toMatch(/cannot stand in typeDefs/);
    expect(text("type Mine implements Node { id: ID! }")).toMatch(/Node, which is for tables/);
    expect(text("type Mine { page: SessionConnection array: NdArray }")).toMatch(
      /page answers with SessionConnection.*\n.*array answers with NdArray/,
    );
    expect(text("type Mine { other: Nowhere }")).toMatch(/Unknown type "Nowhere"/);
    expect(text("type Mine { __secret: Int }")).toMatch(/must not begin with "__"/);
    expect(text("type Mine { a: SessionFilter }")).toMatch(/a answers with SessionFilter/);
    expect(text("interface I { a: Int } type Mine implements I { b: Int }")).toMatch(
      /Interface field I.a expected but Mine does not provide it/,
    );
  });

  it("is told of fields without functions and functions without fields, by their lines, all at once", () => {
    const source = [
      "export default defineExtension({",
      "  typeDefs: `extend type Session { label: String lost: Int } extend type Query { gone: Int }`,",
      "  fields: {",
      "    Session: {",
      "      label: { resolve, resolveMany },",
      "      other: { resolve },",
      "    },",
      "    Nowhere: { a: { resolve } },",
      "  },",
      "  query: { extra: () => 1 },",
      "  hooks: { Sessions: { afterCreate() {} }, Session: { afterWrite() {}, beforeCreate: 1 } },",
      "});",
    ].join("\n");
    const extension = {
      typeDefs: "extend type Session { label: String lost: Int } extend type Query { gone: Int }",
      fields: {
        Session: { label: { resolve, resolveMany: () => [] }, other: { resolve } },
        Nowhere: { a: { resolve } },
      },
      query: { extra: () => 1 },
      hooks: { Sessions: { afterCreate() {} }, Session: { afterWrite() {}, beforeCreate: 1 } },
    } as unknown as Extension;
    expect(problems(extension, source)).toEqual([
      "extensions.ts:2:50 Nothing answers Session.lost. Write fields.Session.lost.",
      "extensions.ts:2:82 Nothing answers Query.gone. Write query.gone.",
      expect.stringMatching(
        /^extensions.ts:5:7 fields.Session.label has not exactly one of the functions resolve and resolveMany/,
      ),
      expect.stringMatching(/^extensions.ts:6:7 typeDefs adds no field other to Session/),
      expect.stringMatching(/^extensions.ts:8:16 typeDefs adds no field a to Nowhere/),
      expect.stringMatching(/^extensions.ts:10:12 typeDefs adds no field extra to Query/),
      expect.stringMatching(/^extensions.ts:11:12 There is no type Sessions with @table/),
      expect.stringMatching(/^extensions.ts:11:55 There is no hook afterWrite/),
      expect.stringMatching(/^extensions.ts:11:72 The hook Session.beforeCreate is no function/),
    ]);
  });

  it("is told of needs that are no selection of its type", () => {
    const needs = (text: string) =>
      problems(
        {
          typeDefs: "extend type Session { label: String }",
          fields: { Session: { label: { needs: text, resolve } } },
        },
        `x\n\n  needs: "${text}"`,
      );
    expect(needs("{ startedAt nothing }")).toEqual([
      expect.stringMatching(/^extensions.ts:3:23 Cannot query field "nothing" on type "Session"/),
    ]);
    expect(needs("{ label }")[0]).toMatch(/Cannot query field "label"/);
    expect(needs("startedAt")[0]).toMatch(/The needs of Session.label: Syntax Error/);
    expect(needs("{ trials(first: $n) { totalCount } }")[0]).toMatch(/Variable "\$n" is not defined/);
    expect(needs("{ ...F }")[0]).toMatch(/Unknown fragment/);
    expect(needs("{ subject }")[0]).toMatch(/must have a selection of subfields/);
    expect(
      problems({ typeDefs: "type Mine { a: Int }", fields: { Mine: { a: { needs: "{ b }", resolve } } } })[0],
    ).toMatch(/Mine is no table/);
  });
});

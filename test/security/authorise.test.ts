/** Every way of changing something, tried with a token that may only read: refused, with rows and bytes as they were. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  buildSchema,
  type GraphQLInputType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredInputField,
} from "graphql";
import { describe, expect, it } from "vitest";
import { codeOf, openWorld } from "../system/support/service.ts";

const world = await openWorld(`
extend schema @database(schema: "lab")
type Sample @table {
  sampleId: Int! @key
  label: String
  copy: File @codec(name: "attach", store: "default")
}
type SampleNote @table(partOf: "Sample") { sample: Sample! @key  idx: Int! @key  text: String! }
`);

const made = await world.entity(
  `mutation { createSample(input: {sampleId: 1, label: "one", copy: {text: {name: "a", content: "b"}}}) { sample { copy { url } } }
     createUpload(input: {target: {type: "Sample", field: "copy"}, filename: "a.bin"}) { id url } }`,
);
const { id: uploadId, url: uploadUrl } = made.data.createUpload as { id: string; url: string };

/** Everything that the service keeps: each row of each table, and each file of the store. */
async function everything(): Promise<Readonly<Record<string, string>>> {
  const { db } = world.service;
  const { rows: tables } = await db.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
     WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  const found: Record<string, string> = {};
  for (const { name } of tables) {
    const { rows } = await db.query<{ all: string }>(
      `SELECT coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '') AS all FROM ${name} t`,
    );
    found[name] = rows[0]?.all ?? "";
  }
  const store = join(world.folder, "data/stores/main");
  for (const entry of readdirSync(store, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    found[path] = createHash("sha256").update(readFileSync(path)).digest("hex");
  }
  return found;
}

/** A literal that a type takes, with all that is required. */
function literal(type: GraphQLInputType, field: string): string {
  if (isNonNullType(type)) return literal(type.ofType, field);
  if (isListType(type)) return `[${literal(type.ofType, field)}]`;
  if (isEnumType(type)) return type.getValues()[0]?.name ?? "null";
  if (isInputObjectType(type)) {
    const all = Object.values(type.getFields());
    const required = all.filter((one) => isRequiredInputField(one));
    const set = required.length > 0 ? required : all.slice(0, 1);
    return `{${set.map((one) => `${one.name}: ${literal(one.type, one.name)}`).join(", ")}}`;
  }
  if (type.name === "ID") return JSON.stringify(uploadId);
  if (type.name === "String") return field === "url" ? '"http://127.0.0.1:1/x"' : '"x"';
  if (type.name === "Boolean") return "true";
  if (type.name === "JSON" || type.name === "JSONObject") return "{}";
  return "1";
}

/** Each mutation of a schema, as an operation that a caller with the right could run. */
function mutations(schema: GraphQLSchema): readonly (readonly [name: string, query: string])[] {
  return Object.values(schema.getMutationType()?.getFields() ?? {}).map((field) => {
    const args = field.args.map((arg) => `${arg.name}: ${literal(arg.type, arg.name)}`).join(", ");
    return [field.name, `mutation { ${field.name}${args === "" ? "" : `(${args})`} { __typename } }`];
  });
}

const entitySdl = (await world.system("{ model { apiSdl } }")).data.model.apiSdl as string;
const systemSdl = readFileSync(join(import.meta.dirname, "../../docs/reference/system.graphql"), "utf8");
const entityMutations = mutations(buildSchema(entitySdl));
const systemMutations = mutations(buildSchema(systemSdl));

async function changesNothing(work: () => Promise<unknown>): Promise<void> {
  const before = await everything();
  await work();
  expect(await everything()).toEqual(before);
}

describe("a token that may only read", () => {
  it("is tried on all of them", () => {
    expect(entityMutations.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        "createSample",
        "deleteSamples",
        "createUpload",
        "completeUpload",
        "importUpload",
      ]),
    );
    expect(systemMutations.map(([name]) => name)).toEqual(
      expect.arrayContaining(["createUpload", "completeUpload", "importUpload"]),
    );
  });

  it.each(entityMutations)("is refused %s of the entity API", async (_name, query) => {
    await changesNothing(async () => {
      const answer = await world.entity(query, {}, "READ");
      expect([codeOf(answer), answer.errors?.[0]?.message]).toEqual(["FORBIDDEN", expect.anything()]);
    });
  });

  it.each(systemMutations)("is refused %s of the system API", async (_name, query) => {
    await changesNothing(async () => {
      const answer = await world.system(query, {}, "READ");
      expect([codeOf(answer), answer.errors?.[0]?.message]).toEqual(["FORBIDDEN", expect.anything()]);
    });
  });

  it.each(systemMutations.filter(([name]) => !/upload/i.test(name)))(
    "and one that may write is refused %s of the system API",
    async (_name, query) => {
      await changesNothing(async () =>
        expect(codeOf(await world.system(query, {}, "WRITE"))).toBe("FORBIDDEN"),
      );
    },
  );

  it("is refused a field among many before the first of them runs", async () => {
    const query = `mutation { ${Array.from({ length: 5 }, (_, i) => `m${i}: createSample(input: {sampleId: ${i + 10}}) { __typename }`).join(" ")} }`;
    await changesNothing(async () => expect(codeOf(await world.entity(query, {}, "READ"))).toBe("FORBIDDEN"));
  });

  it("sends no bytes to an upload's id, and without the capability nobody does", async () => {
    const put = (path: string, token?: string) =>
      fetch(new URL(path, world.url), {
        method: "PUT",
        body: "bytes",
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      });
    await changesNothing(async () => {
      expect((await put(`/uploads/${uploadId}`, world.token("READ"))).status).toBe(403);
      expect((await put(`/uploads/${uploadId}`)).status).toBe(401);
      expect((await put(`/uploads/${uploadId}`, "hft_not_a_token")).status).toBe(401);
      expect((await put(`${new URL(uploadUrl).pathname.slice(0, -3)}abc`)).status).toBe(404);
      const data = new URL(made.data.createSample.sample.copy.url).pathname;
      expect((await put(data.replace("/d/", "/uploads/"))).status).toBe(404);
      expect((await put(data)).status).toBe(401);
    });
    expect((await put(`/uploads/${uploadId}`, world.token("WRITE"))).status).toBe(201);
  });
});

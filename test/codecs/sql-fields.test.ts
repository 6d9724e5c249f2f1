import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { buildSchema } from "graphql";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fieldOf, metadataOf, readField } from "../../src/codec/chain.ts";
import type { Json } from "../../src/codec/contract.ts";
import { encodeChain } from "../../src/codec/encode-chain.ts";
import { loadCodecs } from "../../src/codec/load.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { createRegistry } from "../../src/codec/registry.ts";
import { freshDatabase } from "../support/database.ts";
import { fixtureColumns, storeFile } from "../support/datajoint-fixture.ts";

const fixture = (file: string) =>
  readFileSync(`${import.meta.dirname}/../fixtures/${file}`).toString("base64");
const registry = createRegistry(await loadCodecs([`${import.meta.dirname}/../../codecs`]));
const context = { field: "x", inlineLimitBytes: 2 ** 24 };
let client: Client;

beforeAll(async () => {
  client = new Client({ connectionString: await freshDatabase() });
  await client.connect();
});
afterAll(() => client.end());

/** What SQL says of one stored value, as JSON. */
async function inSql(expression: (column: string) => string, stored: Uint8Array | object): Promise<Json> {
  const type = stored instanceof Uint8Array ? "bytea" : "jsonb";
  const given = stored instanceof Uint8Array ? Buffer.from(stored) : JSON.stringify(stored);
  const { rows } = await client.query(
    `SELECT to_json(${expression('"t"."c"')})::text AS answer FROM (SELECT $1::${type} AS c) "t"`,
    [given],
  );
  return JSON.parse(rows[0].answer ?? "null");
}

/** Integers of int8 are JSON numbers in PostgreSQL and text in our JSON. */
function same(answer: Json): Json {
  return typeof answer === "number" ? String(answer) : answer;
}

const cases = ["blob", "attach", "npy", "hash", "object", "filepath"].flatMap((codec) =>
  fixtureColumns(codec).map((row) => ({ codec, ...row })),
);

describe("fields in SQL", () => {
  it("say of every row of the fixture what reading says, or nothing", async () => {
    let told = 0;
    for (const { codec, json, bytes, table, column } of cases) {
      const use = { name: codec, ...(bytes === undefined ? { store: "main" } : {}) };
      const isFile = codec !== "filepath" && json["is_dir"] !== true;
      const value = storedValueOf(bytes ?? (isFile ? storeFile(json) : {}), json);
      for (const name of Object.keys(registry.get(codec).fields)) {
        const field = fieldOf(registry, use, name);
        if (field?.sql === undefined) continue;
        const answer = await inSql(field.sql, bytes ?? json);
        if (field.field.read === undefined || answer === null || json["is_dir"] === true) continue;
        const read = await readField(registry, use, { name, value, args: {}, context });
        expect([table, column, name, same(answer)]).toEqual([table, column, name, same(read)]);
        told += 1;
      }
    }
    expect(told).toBeGreaterThan(200);
  });

  const object = {
    ...{ store: "main", path: "_hash/lab/a", schema: "lab", sha256: "ab", isTree: false },
    ...{ hash: "unwli6dqh5hkrs4def2rgayp5m", writtenAt: new Date(0) },
  };

  it.each([
    ["npy", { values: { dtype: "<U2", shape: [1, 2], data: ["a", "b"] } }],
    ["blob", { json: { a: 1 } }],
    ["blob", { array: { dtype: "int8", shape: [2], data: [1, 2] } }],
    ["attach", { text: { name: "é 鼠.csv", content: "a,b" } }],
    ["json", { json: Array(500).fill("again") }],
    ["text", { text: "é\n鼠" }],
    ["parquet", { base64: fixture("parquet/small_v1.parquet") }],
    ["arrow", { base64: fixture("arrow/small.arrow") }],
    ["image", { base64: { name: "a.png", content: fixture("image/grey16.png") } }],
  ])("tell all of a row that we wrote: %s", async (name, input) => {
    const use = { name, store: "main" };
    const encoding = { schema: "lab", table: "t", field: "x" };
    const { body, meta } = await encodeChain(registry, use, { input, context: encoding });
    if (typeof body === "function") throw new Error("bytes expected");
    const json = metadataOf(registry, use, {
      object: { ...object, sizeBytes: body.length, sha256: createHash("sha256").update(body).digest("hex") },
      meta,
    });
    for (const [field, { read }] of Object.entries(registry.get(name).fields)) {
      const sql = fieldOf(registry, use, field)?.sql;
      if (sql === undefined || read === undefined) continue;
      const answer = await inSql(sql, json);
      const value = storedValueOf(body, { ...json, hash: null });
      const told = await readField(registry, use, { name: field, value, args: {}, context });
      expect([field, same(answer)]).toEqual([field, same(told)]);
    }
  });

  it("yields NULL and no error for what other programs may have written", async () => {
    const odd: object[] = [
      {},
      { size: "many", shape: 3, is_dir: "yes", item_count: -1 },
      { size: 1e30, shape: {}, dtype: 5, item_count: 1e12 },
      [],
      ["x"],
    ];
    const rubbish = [
      "",
      "00",
      "6d596d00",
      "646a3000ff",
      "646a300074",
      "ff00ff",
      "c328004142",
      "5a4c31323300",
    ];
    for (const codec of registry.all) {
      for (const { sql } of Object.values(codec.fields)) {
        for (const json of odd) if (sql?.store) await inSql(sql.store, json);
        for (const hex of rubbish)
          if (sql?.row) await inSql(sql.row, new Uint8Array(Buffer.from(hex, "hex")));
      }
    }
    const name = registry.get("attach").fields["name"]?.sql?.row ?? String;
    expect(await inSql(name, new Uint8Array(Buffer.from("c328004142", "hex")))).toBeNull();
    expect(await inSql(name, new Uint8Array(Buffer.from("../é\0content")))).toBe("é");
  });
});

describe("GraphQL types of all codecs", () => {
  it("are a valid schema", () => {
    const outputs = [...registry.outputs.values()].map(({ name, fields }) => {
      const lines = [...fields.values()].map(
        (f) => `  ${f.name}${f.args === undefined ? "" : `(${f.args})`}: ${f.type}`,
      );
      return `type ${name} {\n${lines.join("\n")}\n}`;
    });
    const sdl = `scalar JSON scalar BigInt scalar DateTime type Query { x: Int }\n${registry.typeDefs}\n${outputs.join("\n")}`;
    const schema = buildSchema(sdl);
    expect([...registry.typeNames].every((name) => schema.getType(name) !== undefined)).toBe(true);
  });
});

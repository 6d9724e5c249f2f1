import { renameSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { codeOf, openWorld } from "./support/service.ts";

const sdl = (more = "") => `
extend schema @database(schema: "lab")
"A slice of tissue."
type Sample @table {
  sampleId: Int! @key
  label: String
  trace: NdArray @codec(name: "npy", store: "default")
  copy: File @codec(name: "hash", store: "default")
  ${more}
}
type SampleNote @table(partOf: "Sample") { sample: Sample! @key  idx: Int! @key  text: String! }
`;

const world = await openWorld(sdl());
const { system, entity } = world;

const array = (...data: number[]) => ({ values: { dtype: "int16", shape: [data.length], data } });

async function create(sampleId: number, more: object = {}): Promise<void> {
  const answer = await entity(
    "mutation ($input: CreateSampleInput!) { createSample(input: $input) { sample { sampleId } } }",
    { input: { sampleId, ...more } },
  );
  expect(answer.errors).toBeUndefined();
}

const same = { text: { name: "same.txt", content: "same" } };
await create(1, { trace: array(1, 2, 3), copy: same });
await create(2, { copy: same });
await create(3);

const allObjects = `query ($first: Int! = 100, $after: String, $prefix: String, $unreferenced: Boolean) {
  objects(first: $first, after: $after, prefix: $prefix, unreferenced: $unreferenced) {
    nodes { locator store path isTree sizeBytes sha256 createdAt verifiedAt condemnedAt } endCursor } }`;

interface ListedObject {
  readonly locator: string;
}

async function listed(variables: object): Promise<{ nodes: ListedObject[]; endCursor: string | null }> {
  const answer = await system(allObjects, variables);
  expect(answer.errors).toBeUndefined();
  return answer.data.objects;
}

describe("objects", () => {
  it("tells each object's place, size and digest", async () => {
    const { nodes } = await listed({ prefix: "main:_schema/" });
    expect(nodes).toEqual([
      {
        locator: expect.stringMatching(/^main:_schema\/lab\/sample\/.+\.npy$/),
        store: "main",
        path: expect.stringMatching(/^_schema\/lab\/sample\//),
        isTree: false,
        sizeBytes: "134",
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
        verifiedAt: expect.anything(),
        condemnedAt: null,
      },
    ]);
  });

  it("pages in the order of locators, each object once", async () => {
    const all = (await listed({})).nodes.map(({ locator }) => locator);
    expect(all.length).toBe(2);
    expect(all).toEqual([...all].sort());
    const paged: string[] = [];
    let after: string | null = null;
    do {
      const page: { nodes: ListedObject[]; endCursor: string | null } = await listed({ first: 1, after });
      paged.push(...page.nodes.map(({ locator }) => locator));
      after = page.endCursor;
    } while (after !== null);
    expect(paged).toEqual(all);
  });

  it("takes a prefix as it is, not as a pattern", async () => {
    expect((await listed({ prefix: "main:_hash/" })).nodes.length).toBe(1);
    expect((await listed({ prefix: "main:_h%" })).nodes).toEqual([]);
    expect((await listed({ prefix: "main:_sch_ma" })).nodes).toEqual([]);
  });

  it("tells held objects from those that nothing holds", async () => {
    expect((await listed({ unreferenced: false })).nodes.length).toBe(2);
    expect((await listed({ unreferenced: true })).nodes).toEqual([]);
  });

  it("names the limit of a page", async () => {
    for (const first of [0, -1, 1001]) {
      const answer = await system(allObjects, { first });
      expect(answer.errors?.[0]).toMatchObject({
        message: `first is ${first}; it must be from 1 to 1000.`,
        extensions: { code: "LIMIT_EXCEEDED", field: "first", limit: 1000, retryable: false },
      });
    }
  });

  it("finds every row that refers to an object that is kept once", async () => {
    const [shared] = (await listed({ prefix: "main:_hash/" })).nodes;
    const query =
      "query ($id: ID!, $n: Int! = 100) { object(locator: $id) { locator referrers(first: $n) { schema table column key } } }";
    const answer = await system(query, { id: shared?.locator });
    expect(answer.data.object.referrers).toEqual([
      { schema: "lab", table: "sample", column: "copy", key: { sample_id: "1" } },
      { schema: "lab", table: "sample", column: "copy", key: { sample_id: "2" } },
    ]);
    expect((await system(query, { id: shared?.locator, n: 1 })).data.object.referrers.length).toBe(1);
    expect((await system(query, { id: "main:no/such" })).data.object).toBeNull();
  });
});

describe("stores", () => {
  const query =
    "{ stores { name protocol location isDefault isFilepathDefault problem objectCount sizeBytes } }";

  it("counts what lies in each, and says why one cannot be used", async () => {
    const location = join(world.folder, "data/stores/main");
    const store = {
      name: "main",
      protocol: "file",
      location,
      isDefault: true,
      objectCount: 2,
      sizeBytes: "138",
    };
    expect((await system(query)).data.stores).toMatchObject([{ ...store, problem: null }]);
    renameSync(location, `${location}.away`);
    try {
      expect((await system(query)).data.stores).toMatchObject([
        { ...store, problem: expect.stringContaining(location) },
      ]);
      const { health } = (await system("{ health { ready checks { name ok message } } }")).data;
      expect(health).toMatchObject({
        ready: false,
        checks: expect.arrayContaining([{ name: "store main", ok: false, message: expect.any(String) }]),
      });
    } finally {
      renameSync(`${location}.away`, location);
    }
    expect((await system(query)).data.stores).toMatchObject([{ ...store, problem: null }]);
  });
});

describe("codecs, model and health", () => {
  it("tells what can be selected of a codec's values", async () => {
    const { codecs } = (
      await system(
        "{ codecs { name inRow inStore output input acceptsTree acceptsUpload fields { name type } typeDefs } }",
      )
    ).data;
    expect(codecs.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(["attach", "blob", "filepath", "hash", "npy", "object"]),
    );
    const npy = codecs.find(({ name }: { name: string }) => name === "npy");
    expect(npy).toMatchObject({ inRow: false, inStore: true, output: "NdArray", input: "NdArrayInput" });
    expect(npy.fields).toContainEqual({ name: "shape", type: "[Int!]" });
    expect(npy.typeDefs).toContain("input NdArrayInput @oneOf");
  });

  it("tells the model that is served", async () => {
    const { model } = (
      await system("{ model { schema version source apiSdl entities { name schema table tier partOf } } }")
    ).data;
    expect(model).toMatchObject({
      schema: "lab",
      source: sdl(),
      version: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(model.apiSdl).toContain("createSample(");
    expect(model.entities).toEqual([
      { name: "Sample", schema: "lab", table: "sample", tier: "MANUAL", partOf: null },
      { name: "SampleNote", schema: "lab", table: "sample__note", tier: "MANUAL", partOf: "Sample" },
    ]);
  });

  it("is ready", async () => {
    const { health } = (await system("{ health { ready version startedAt checks { name ok } } }")).data;
    expect(health).toMatchObject({ ready: true, version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect(health.checks).toEqual([
      { name: "database", ok: true },
      { name: "store main", ok: true },
      { name: "schema", ok: true },
    ]);
  });
});

describe("uploads", () => {
  it("reserves a key, takes bytes, completes twice, and the field takes the upload", async () => {
    const bytes = Buffer.from("a file");
    const made = await system(
      "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url resumableUrl state receivedBytes expiresAt } }",
      {
        input: {
          target: { type: "Sample", field: "copy", key: { sampleId: 3 } },
          filename: "a.bin",
          sizeBytes: bytes.length,
        },
      },
      "WRITE",
    );
    expect(made.errors).toBeUndefined();
    const { id, url, resumableUrl } = made.data.createUpload;
    expect(resumableUrl).toBe(url.replace("/uploads/", "/tus/"));
    expect(made.data.createUpload).toMatchObject({ state: "OPEN", receivedBytes: "0" });
    expect((await fetch(url, { method: "PUT", body: bytes })).status).toBe(201);
    const complete = "mutation ($id: ID!) { completeUpload(id: $id) { state receivedBytes } }";
    for (const _ of [1, 2])
      expect((await system(complete, { id }, "WRITE")).data.completeUpload).toEqual({
        state: "COMPLETE",
        receivedBytes: String(bytes.length),
      });
    const set = await entity(
      "mutation ($id: ID!) { updateSample(key: {sampleId: 3}, set: {copy: {upload: $id}}) { sample { copy { sizeBytes } } } }",
      { id },
      "WRITE",
    );
    expect(set.errors).toBeUndefined();
  });

  it("names a target that is none, and a number that is none", async () => {
    const mutation = "mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id } }";
    const target = { type: "Sample", field: "nothing" };
    const unknown = await system(mutation, { input: { target, filename: "a" } });
    expect(codeOf(unknown)).toBe("BAD_USER_INPUT");
    expect(unknown.errors?.[0]?.message).toContain("nothing");
    const size = await system(mutation, { input: { target, filename: "a", sizeBytes: "many" } });
    expect(size.errors?.[0]?.message).toContain("BigInt");
  });
});

describe("rights", () => {
  const asked: readonly (readonly [string, "WRITE" | "ADMIN"])[] = [
    ["mutation { apply { summary } }", "ADMIN"],
    ['mutation { verifyStore(name: "main") { ok } }', "ADMIN"],
    ["{ capabilityKeys { id } }", "ADMIN"],
    ["mutation { rotateCapabilityKey { id } }", "ADMIN"],
    ['mutation { revokeCapabilityKey(id: "1") { id } }', "ADMIN"],
    [
      'mutation { createUpload(input: {target: {type: "Sample", field: "copy"}, filename: "a"}) { id } }',
      "WRITE",
    ],
    ['mutation { completeUpload(id: "00000000-0000-0000-0000-000000000000") { id } }', "WRITE"],
    ['mutation { abortUpload(id: "00000000-0000-0000-0000-000000000000") { id } }', "WRITE"],
    ['mutation { signUploadParts(id: "x", numbers: [1]) { url } }', "WRITE"],
    ['{ upload(id: "00000000-0000-0000-0000-000000000000") { url } }', "WRITE"],
  ];

  it("keeps a READ token from everything that changes something", async () => {
    for (const [mutation, right] of asked) {
      const answer = await system(mutation, {}, "READ");
      expect(codeOf(answer)).toBe("FORBIDDEN");
      expect(answer.errors?.[0]?.message).toContain(right);
    }
    expect(codeOf(await system("mutation { apply { summary } }", {}, "WRITE"))).toBe("FORBIDDEN");
  });

  it("lets a READ token look at everything", async () => {
    const query =
      "{ stores { name } codecs { name } model { version } health { ready } plan { summary } drift { kind } objects { endCursor } }";
    expect((await system(query, {}, "READ")).errors).toBeUndefined();
  });
});

describe("errors", () => {
  it("show code and remedy", async () => {
    const answer = await system("mutation { apply { summary } }", {}, "READ");
    expect(answer.errors?.[0]?.extensions).toMatchObject({
      code: "FORBIDDEN",
      retryable: false,
      remedy: expect.any(String),
    });
  });

  it("hide what is unforeseen behind an id", async () => {
    await world.service.db.query("ALTER TABLE holdfast.object RENAME COLUMN sha256 TO digest");
    try {
      const answer = await system("{ objects { endCursor } }");
      const [error] = answer.errors ?? [];
      expect(error?.extensions).toEqual({
        code: "INTERNAL_SERVER_ERROR",
        retryable: false,
        errorId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      expect(JSON.stringify(answer)).not.toMatch(/sha256|SELECT/);
    } finally {
      await world.service.db.query("ALTER TABLE holdfast.object RENAME COLUMN digest TO sha256");
    }
  });

  it("refuse an operation that is far too long", async () => {
    const long = `{ ${Array.from({ length: 1000 }, (_, i) => `a${i}: health { ready }`).join(" ")} }`;
    expect((await system(long)).errors?.[0]?.message).toMatch(/token/i);
  });
});

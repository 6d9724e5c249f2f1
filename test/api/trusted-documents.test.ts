/** Documents by digest and by manifest, and a server that answers no others. */

import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HeaderMap } from "@apollo/server";
import { afterAll, describe, expect, it } from "vitest";
import { createEntityApi, type EntityApi } from "../../src/api/api.ts";
import { defaultApiLimits } from "../../src/api/limits.ts";
import {
  type DocumentPolicy,
  documentPolicyFrom,
  openDocumentPolicy,
  parseManifest,
} from "../../src/api/trusted-documents.ts";
import { type Answer, anyone, openLaboratory } from "./laboratory.ts";

const lab = await openLaboratory("type Box @table { box: Int! @key }");
const opened: EntityApi[] = [];
afterAll(async () => {
  for (const api of opened) await api.server.stop();
});

async function serve(documents: DocumentPolicy, cachedDocuments = 10): Promise<EntityApi> {
  const { model, registry, db, objects } = lab;
  const stores = { all: new Map() } as Answer;
  const log = { error: () => undefined };
  const limits = { ...defaultApiLimits, cachedDocuments };
  const api = createEntityApi({ model, registry, db, objects, stores, limits, documents, log });
  await api.server.start();
  opened.push(api);
  return api;
}

async function send(api: EntityApi, body: Record<string, unknown>, method = "POST") {
  const search = new URLSearchParams(
    Object.entries(body).map(([name, value]): [string, string] => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
  const answer = await api.server.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method,
      headers: new HeaderMap([
        ["content-type", "application/json"],
        ["apollo-require-preflight", "1"],
      ]),
      search: method === "GET" ? `?${search}` : "",
      body: method === "GET" ? undefined : body,
    },
    context: async () => anyone,
  });
  const { data, errors } = JSON.parse(answer.body.kind === "complete" ? answer.body.string : "{}") as Answer;
  return { status: answer.status ?? 200, data, code: errors?.[0]?.extensions.code, error: errors?.[0] };
}

const hash = (text: string) => createHash("sha256").update(text).digest("hex");
const persisted = (sha256Hash: unknown, version = 1) => ({
  extensions: { persistedQuery: { version, sha256Hash } },
});

const listed = "query Count { boxes { totalCount } }";
const free = "{ boxes(first: 1) { totalCount } }";
const both = ["POST", "GET"];

describe("digests (APQ)", () => {
  it.each(both)("are answered once the text has come, by %s", async (method) => {
    const api = await serve(openDocumentPolicy);
    const digest = persisted(hash(free));
    expect(await send(api, digest, method)).toMatchObject({ status: 200, code: "PERSISTED_QUERY_NOT_FOUND" });
    expect((await send(api, { query: free, ...digest }, method)).data).toEqual({ boxes: { totalCount: 0 } });
    expect((await send(api, digest, method)).data).toEqual({ boxes: { totalCount: 0 } });
  });

  it("must be those of their text, and of a version that is known", async () => {
    const api = await serve(openDocumentPolicy);
    for (const wrong of [{ query: free, ...persisted(hash("other")) }, persisted(hash(free), 2)])
      expect(await send(api, wrong)).toMatchObject({ status: 400, code: "BAD_REQUEST" });
    for (const odd of [null, 5, {}, [], [{ toString: 1 }]])
      expect(await send(api, persisted(odd))).toMatchObject({ status: 400, code: "BAD_REQUEST" });
  });

  it("push the longest unused out", async () => {
    const api = await serve(openDocumentPolicy, 2);
    const texts = [1, 2, 3].map((n) => `{ boxes(first: ${n}) { totalCount } }`);
    for (const query of texts) await send(api, { query, ...persisted(hash(query)) });
    const codes = [];
    for (const query of texts) codes.push((await send(api, persisted(hash(query)))).code);
    expect(codes).toEqual(["PERSISTED_QUERY_NOT_FOUND", undefined, undefined]);
  });

  it("can be switched off", async () => {
    const api = await serve({ ...openDocumentPolicy, apq: false });
    expect((await send(api, persisted(hash(free)))).code).toBe("PERSISTED_QUERY_NOT_SUPPORTED");
  });

  it("do not lead past the limits of documents", async () => {
    const api = await serve(openDocumentPolicy);
    const deep = `${"{ a ".repeat(101)}${"}".repeat(101)}`;
    expect((await send(api, { query: deep, ...persisted(hash(deep)) })).code).toBe("LIMIT_EXCEEDED");
    expect((await send(api, persisted(hash(deep)))).code).toBe("PERSISTED_QUERY_NOT_FOUND");
  });
});

const shapes: readonly (readonly [name: string, manifest: unknown, id: string])[] = [
  [
    "Apollo's",
    {
      format: "apollo-persisted-query-manifest",
      version: 1,
      operations: [{ id: hash(listed), name: "Count", type: "query", body: listed }],
    },
    hash(listed),
  ],
  ["Relay's", { "0b1c2d": listed }, "0b1c2d"],
  ["Relay's list", [["0b1c2d", listed]], "0b1c2d"],
  ["graphql-codegen's", { [`sha256:${hash(listed)}`]: listed }, `sha256:${hash(listed)}`],
];

describe.each(shapes)("a manifest in %s shape", (_, manifest, id) => {
  it.each(both)("answers its ids in every form of request, by %s", async (method) => {
    const api = await serve({ ...openDocumentPolicy, manifest: parseManifest(manifest) });
    for (const request of [{ documentId: id }, { doc_id: id }, persisted(id), persisted(hash(listed))])
      expect((await send(api, request, method)).data).toEqual({ boxes: { totalCount: 0 } });
    expect((await send(api, { query: free }, method)).data).toEqual({ boxes: { totalCount: 0 } });
    expect((await send(api, { documentId: "absent" }, method)).code).toBe("PERSISTED_QUERY_NOT_FOUND");
  });

  it.each(both)("alone is answered where nothing else may be, by %s", async (method) => {
    const api = await serve({
      ...openDocumentPolicy,
      manifest: parseManifest(manifest),
      manifestOnly: true,
      apq: false,
    });
    for (const request of [
      { documentId: id },
      { query: listed },
      { query: listed, ...persisted(hash(listed)) },
    ])
      expect((await send(api, request, method)).data).toEqual({ boxes: { totalCount: 0 } });
    for (const query of [free, `${listed} `, "{ __schema { queryType { name } } }"]) {
      const answer = await send(api, { query }, method);
      expect(answer).toMatchObject({ status: 403, code: "FORBIDDEN" });
      expect(answer.error.extensions.remedy).toContain("HOLDFAST_DOCUMENTS");
    }
    // A listed id beside it does not lend its trust to a text.
    expect((await send(api, { query: free, documentId: id }, method)).code).toBe("FORBIDDEN");
    expect((await send(api, { query: free, ...persisted(hash(listed)) }, method)).code).toBe("FORBIDDEN");
    expect((await send(api, { documentId: "absent" }, method)).code).toBe("FORBIDDEN");
    expect((await send(api, persisted(hash(free)), method)).code).toBe("PERSISTED_QUERY_NOT_SUPPORTED");
  });
});

describe("settings", () => {
  it("are read from the environment", async () => {
    const folder = await mkdtemp(join(tmpdir(), "holdfast-documents-"));
    await writeFile(join(folder, "documents.json"), JSON.stringify({ one: listed }));
    await writeFile(join(folder, "broken.json"), "{");
    await writeFile(join(folder, "wrong.json"), '{"one": 1}');
    expect(await documentPolicyFrom({}, folder)).toEqual(openDocumentPolicy);
    const environment = {
      HOLDFAST_DOCUMENTS: "documents.json",
      HOLDFAST_DOCUMENTS_ONLY: "on",
      HOLDFAST_INTROSPECTION: "off",
    };
    const policy = await documentPolicyFrom(environment, folder);
    expect(policy).toMatchObject({ manifestOnly: true, apq: false, introspection: false });
    expect(policy.manifest.get("one")).toBe(listed);
    for (const name of ["absent.json", "broken.json", "wrong.json"])
      await expect(documentPolicyFrom({ HOLDFAST_DOCUMENTS: name }, folder)).rejects.toThrow(
        "HOLDFAST_DOCUMENTS",
      );
    for (const name of ["HOLDFAST_DOCUMENTS_ONLY", "HOLDFAST_APQ", "HOLDFAST_INTROSPECTION"])
      await expect(documentPolicyFrom({ [name]: "yes" }, folder)).rejects.toThrow(name);
    await expect(documentPolicyFrom({ HOLDFAST_DOCUMENTS_ONLY: "on" }, folder)).rejects.toThrow("ONLY");
    await rm(folder, { recursive: true });
  });

  it("one id for two documents, and shapes that are none, are refused", () => {
    const apollo = { format: "apollo-persisted-query-manifest", version: 1 };
    for (const manifest of [
      [
        ["a", listed],
        ["a", free],
      ],
      null,
      "x",
      [1],
      { ...apollo, version: 2, operations: [] },
      { ...apollo, operations: [1] },
      { ...apollo },
    ])
      expect(() => parseManifest(manifest)).toThrow();
  });

  it("introspection can be switched off", async () => {
    const api = await serve({ ...openDocumentPolicy, introspection: false });
    const answer = await send(api, { query: "{ __schema { queryType { name } } }" });
    expect(answer).toMatchObject({ status: 400, code: "GRAPHQL_VALIDATION_FAILED" });
    expect(answer.error.message).toContain("HOLDFAST_INTROSPECTION");
    expect((await send(api, { query: "{ __typename }" })).data).toEqual({ __typename: "Query" });
  });
});

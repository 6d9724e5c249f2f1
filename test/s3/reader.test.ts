/** Objects of whose size the row tells nothing, as DataJoint writes arrays: one read tells it. */

import { afterAll, beforeAll, expect, test } from "vitest";
import { createReader } from "../../src/object/reader.ts";
import { parseStores } from "../../src/store/config-parse.ts";
import { openStores } from "../../src/store/open.ts";
import { bodyOf, codeOf, collect } from "../contract/store.ts";
import { type FaultProxy, startProxy } from "./support/proxy.ts";
import { type S3Server, startS3, storeOn } from "./support/server.ts";

let server: S3Server;
let proxy: FaultProxy;
beforeAll(async () => {
  server = await startS3();
  proxy = await startProxy(server.endpoint);
});
afterAll(async () => {
  await proxy.close();
  await server.close();
});

test("the first bytes tell the size, with one request; an empty object is asked for", async () => {
  const { protocol, location, driver } = storeOn(server, "sizes", { endpoint: proxy.endpoint });
  const raw = { default: "main", main: { protocol, location, ...driver } };
  const stores = await openStores(parseStores(raw, "test"));
  const content = Buffer.from(Array.from({ length: 10_000 }, (_, index) => (index * 7) & 255));
  const store = stores.get("main").driver;
  await store.put("small", bodyOf(content.subarray(0, 100)));
  await store.put("large", bodyOf(content));
  await store.put("empty", bodyOf(Buffer.alloc(0)));
  const methods: string[] = [];
  proxy.rule = ({ method }) => {
    methods.push(method);
    return undefined;
  };
  const reader = createReader(stores);
  const read = async (path: string) => {
    methods.length = 0;
    const opened = await reader.open({ store: "main", path }).bytes(4096);
    return { sizeBytes: opened.sizeBytes, bytes: await collect(opened.stream()), methods: [...methods] };
  };
  const small = await read("small");
  expect([small.sizeBytes, small.methods]).toEqual([100, ["GET"]]);
  expect(Buffer.compare(small.bytes, content.subarray(0, 100))).toBe(0);
  const large = await read("large");
  expect([large.sizeBytes, large.methods]).toEqual([10_000, ["GET", "GET"]]);
  expect(Buffer.compare(large.bytes, content)).toBe(0);
  const empty = await read("empty");
  expect([empty.sizeBytes, empty.bytes.length, empty.methods[0]]).toEqual([0, 0, "GET"]);
  expect(await codeOf(reader.open({ store: "main", path: "nothing" }).bytes(4096))).toBe("OBJECT_MISSING");
});

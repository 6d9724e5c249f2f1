/** A host of its own for the data: it gives bytes and nothing else. */

import { beforeAll, describe, expect, it } from "vitest";
import { dataPath } from "../../src/object/data-path.ts";
import { call, type Laboratory, openLaboratory, raw, type Served } from "./laboratory.ts";

const content = Buffer.from("bytes of a value");
let lab: Laboratory;
let served: Served;
let path: string;

beforeAll(async () => {
  lab = await openLaboratory();
  await lab.stores.get("main").driver.put(
    "_schema/lab/t/c.bin",
    (async function* () {
      yield content;
    })(),
  );
  path = dataPath(
    lab.objects.capabilities.sign({
      kind: "object",
      locator: "main:_schema/lab/t/c.bin",
      gen: "1",
      isTree: false,
    }),
    "c.bin",
  );
  served = await lab.serve({ dataOrigin: "https://data.lab.example" });
});

const at = (host: string) => ({ headers: { host } });
const json = { "content-type": "application/json" };

describe("the host of the data", () => {
  it.each(["data.lab.example", "DATA.lab.example", "data.lab.example:443"])("%s gives data", async (host) => {
    const answer = await call(served.port, path, at(host));
    expect([answer.status, answer.body]).toEqual([200, content]);
    expect((await call(served.port, path, { method: "HEAD", ...at(host) })).status).toBe(200);
    expect((await call(served.port, path, { method: "OPTIONS", ...at(host) })).status).toBe(204);
  });

  it.each([
    ["GET", "/graphql?query=%7Bname%7D"],
    ["POST", "/graphql"],
    ["POST", "/system/graphql"],
    ["GET", "/graphiql/index.html"],
    ["GET", "/healthz"],
    ["GET", "/version"],
    ["GET", "/metrics"],
    ["GET", "/"],
    ["PUT", "/uploads/x"],
    ["GET", "/uploads/x"],
    ["GET", "//d/x"],
    ["GET", "/D/x/y"],
  ])("%s %s is not there", async (method, target) => {
    const body = method === "POST" ? JSON.stringify({ query: "{ name }" }) : undefined;
    const headers = { host: "data.lab.example", accept: "text/html", ...json };
    const answer = await call(served.port, target, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
    });
    expect([answer.status, answer.error().extensions.code]).toEqual([404, "NOT_FOUND"]);
    expect(answer.headers["set-cookie"]).toBeUndefined();
    expect(answer.body.toString()).not.toContain("entity");
  });

  it("opens no WebSocket, and its pages may open none of the service's", async () => {
    const upgrade = (host: string, origin?: string) =>
      raw(
        served.port,
        [
          "GET /graphql HTTP/1.1",
          `Host: ${host}`,
          "Connection: Upgrade",
          "Upgrade: websocket",
          "Sec-WebSocket-Version: 13",
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
          "Sec-WebSocket-Protocol: graphql-transport-ws",
          ...(origin === undefined ? [] : [`Origin: ${origin}`]),
          "",
          "",
        ].join("\r\n"),
      );
    expect(await upgrade("data.lab.example")).toMatch(/^HTTP\/1.1 421 /);
    expect(await upgrade(`127.0.0.1:${served.port}`, "https://data.lab.example")).toMatch(/^HTTP\/1.1 403 /);
  });

  it("its pages may send no uploads to the service", async () => {
    const headers = { host: `127.0.0.1:${served.port}`, origin: "https://data.lab.example" };
    const answer = await call(served.port, "/uploads/x", { method: "PUT", headers, body: "x" });
    expect([answer.status, answer.error().extensions.code]).toEqual([403, "FORBIDDEN"]);
  });

  it("is one port of one name", async () => {
    for (const host of [
      "data.lab.example:80",
      "data.lab.example:4000",
      "x.data.lab.example",
      "lab.example",
    ]) {
      const answer = await call(served.port, path, at(host));
      expect([host, answer.status, answer.error().extensions.code]).toEqual([host, 421, "HOST_NOT_ALLOWED"]);
    }
  });

  it("leaves the service's own host as it is", async () => {
    const host = `localhost:${served.port}`;
    expect((await call(served.port, path, at(host))).body).toEqual(content);
    const asked = await call(served.port, "/graphql", {
      method: "POST",
      headers: { host, ...json },
      body: JSON.stringify({ query: "{ name }" }),
    });
    expect(JSON.parse(asked.body.toString())).toEqual({ data: { name: "entity" } });
  });

  it("may be another name of this machine", async () => {
    const { port } = await lab.serve({ dataOrigin: "http://localhost:4999" });
    expect((await call(port, "/healthz", at("localhost:4999"))).status).toBe(404);
    expect((await call(port, path, at("localhost:4999"))).status).toBe(200);
    expect((await call(port, "/healthz", at(`localhost:${port}`))).status).toBe(200);
  });

  it("may not be the service's", async () => {
    const options = { publicUrl: "https://lab.example/x", dataOrigin: "https://lab.example" };
    await expect(lab.serve(options)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    const before = await lab.serve();
    await before.server.close();
    const free = before.port;
    await expect(lab.serve({ port: free, dataOrigin: `http://127.0.0.1:${free}` })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { field: "HOLDFAST_DATA_ORIGIN" },
    });
  });
});

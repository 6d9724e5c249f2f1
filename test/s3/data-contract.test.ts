import { afterAll } from "vitest";
import { dataUrlLaws } from "../contract/data-url.ts";
import { openLaboratory } from "../http/laboratory.ts";
import { startProxy } from "./support/proxy.ts";
import { startS3, storeOn } from "./support/server.ts";

dataUrlLaws("an S3 store", async () => {
  const server = await startS3();
  const proxy = await startProxy(server.endpoint);
  afterAll(async () => {
    await proxy.close();
    await server.close();
  });
  const { endpoint } = proxy;
  const lab = await openLaboratory({ ...storeOn(server, "lab", { endpoint }), name: "main" });
  return {
    lab,
    willBreak: async (path) => {
      let asked = 0;
      proxy.rule = ({ method, url }) => {
        if (method !== "GET" || !url.includes(path)) return undefined;
        asked += 1;
        // What is asked for again has gone meanwhile.
        return asked === 1 ? { kind: "truncate" } : { kind: "status", status: 404, code: "NoSuchKey" };
      };
    },
    breaksNow: async () => undefined,
  };
});

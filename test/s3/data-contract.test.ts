import { afterAll } from "vitest";
import { dataUrlLaws } from "../contract/data-url.ts";
import { openLaboratory } from "../http/laboratory.ts";
import { startProxy } from "./support/proxy.ts";
import { startS3, storeOn } from "./support/server.ts";

// Declared here: what a hook declares while it runs is never called.
const opened: { close(): Promise<void> }[] = [];
afterAll(async () => {
  for (const one of opened.reverse()) await one.close();
});

dataUrlLaws("an S3 store", async () => {
  const server = await startS3();
  opened.push(server);
  const proxy = await startProxy(server.endpoint);
  opened.push(proxy);
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

/** Runs in the browser: GraphiQL on the endpoint that the page names. Bundled by `scripts/build.ts`; nothing here may name another origin. */

import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import "./page.css";

const workers = { json: "json.worker.js", graphql: "graphql.worker.js" };

globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    return new Worker(`/graphiql/${workers[label] ?? "editor.worker.js"}`);
  },
};

const root = document.getElementById("page");
const endpoint = root.dataset.endpoint;

/** Sends one operation; `headers` are those of the page's Headers tab, for example a token. */
async function fetcher(operation, options) {
  const answer = await fetch(endpoint, {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json", ...options?.headers },
    body: JSON.stringify(operation),
  });
  return await answer.json();
}

createRoot(root).render(createElement(GraphiQL, { fetcher }));

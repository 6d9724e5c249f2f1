/** Runs in the browser: GraphiQL on the endpoint that answered the page. Bundled by `scripts/build.ts`; nothing here may name another origin. */

import { GraphiQL } from "graphiql";
import "graphiql/style.css";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
import "./page.css";

const workers = { json: "json.worker.js", graphql: "graphql.worker.js" };

globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    return new Worker(new URL(workers[label] ?? "editor.worker.js", import.meta.url));
  },
};

const root = document.getElementById("page");

/** Sends one operation; `headers` are those of the page's Headers tab, for example a token. */
async function fetcher(operation, options) {
  const answer = await fetch(location.pathname, {
    method: "POST",
    headers: { accept: "application/json", "content-type": "application/json", ...options?.headers },
    body: JSON.stringify(operation),
  });
  return await answer.json();
}

const query = new URLSearchParams(location.search).get("query") ?? undefined;
const defaultQuery = `# Write a query on the left, press Ctrl+Enter, see the answer on the right.
# Ctrl+Space completes; the book on the left is the documentation of every field.
# Where the server asks for a token, put it into Headers: {"Authorization": "Bearer …"}

{
  __typename
}
`;

createRoot(root).render(createElement(GraphiQL, { fetcher, defaultQuery, initialQuery: query }));

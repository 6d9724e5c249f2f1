/** Runs in the browser: GraphiQL on the endpoint that answered the page. Bundled by `scripts/build.ts`; nothing here may name another origin. */

import { GraphiQL } from "graphiql";
import { parse } from "graphql";
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
  const isMany = isSubscription(operation);
  const accept = isMany ? "text/event-stream" : "application/json";
  const stop = new AbortController();
  const answer = await fetch(location.pathname, {
    method: "POST",
    headers: { accept, "content-type": "application/json", ...options?.headers },
    body: JSON.stringify(operation),
    signal: stop.signal,
  });
  const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
  return isStream ? results(answer.body, stop) : await answer.json();
}

/** By the text itself: what the editor knows of it is that of a moment ago. */
function isSubscription({ query, operationName }) {
  const operations = definitionsOf(query).filter(({ kind }) => kind === "OperationDefinition");
  const chosen = operations.find(({ name }) => name?.value === operationName) ?? operations[0];
  return chosen?.operation === "subscription";
}

/** A text that is no document is told so by the server. */
function definitionsOf(query) {
  try {
    return parse(query).definitions;
  } catch {
    return [];
  }
}

/** The results of an event stream; the page's stop button returns it. */
async function* results(body, stop) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  try {
    for (let taken = await reader.read(); !taken.done; taken = await reader.read()) {
      const events = `${text}${taken.value}`.split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) {
        const data = /^data: (.+)$/m.exec(event)?.[1];
        if (data !== undefined) yield JSON.parse(data);
      }
    }
  } finally {
    stop.abort();
  }
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

/** Results of a subscription, as server-sent events of a server. */

import { translated } from "../client/ask.ts";
import { refusal } from "../client/refusal.ts";
import { type Endpoint, RequestFailed, type ToldError } from "../client/request.ts";

/** Follows a subscription of the system API until it ends. @throws the ServiceError that the server told. */
export async function* systemEvents<Data>(
  endpoint: Endpoint,
  query: string,
  { variables, signal }: { readonly variables: object; readonly signal: AbortSignal },
): AsyncGenerator<Data, undefined> {
  try {
    const response = await fetch(new URL("/system/graphql", endpoint.url), {
      method: "POST",
      headers: {
        accept: "text/event-stream",
        "content-type": "application/json",
        ...(endpoint.token === undefined ? {} : { authorization: `Bearer ${endpoint.token}` }),
      },
      body: JSON.stringify({ query, variables }),
      signal,
    });
    if (!response.ok) throw await refusal(response);
    for await (const text of nextEvents(response.body ?? new ReadableStream())) {
      // The server's own words; another shape would be its fault and shows as missing fields.
      const { data, errors } = JSON.parse(text) as { data?: Data | null; errors?: ToldError[] };
      if (errors !== undefined && errors.length > 0) throw new RequestFailed(errors);
      if (data != null) yield data;
    }
  } catch (error) {
    throw translated(error, endpoint);
  }
}

/** The data of the events `next`. */
async function* nextEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split("\n");
      const data = lines.find((line) => line.startsWith("data: "));
      if (lines.includes("event: next") && data !== undefined) yield data.slice("data: ".length);
    }
  }
}

/** The little of GraphQL over HTTP that clients of our own need. */

/** A Holdfast server and, where it asks for one, a token. */
export interface Endpoint {
  /** `http://127.0.0.1:4000` */
  readonly url: string;
  readonly token?: string | undefined;
  /** `/graphql` unless given. */
  readonly path?: string;
}

/** An error as the server tells it. */
export interface ToldError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** A request that the server answered with errors. */
export class RequestFailed extends Error {
  readonly errors: readonly ToldError[];

  constructor(errors: readonly ToldError[]) {
    super(errors.map(({ message }) => message).join("; "));
    this.name = "RequestFailed";
    this.errors = errors;
  }
}

function headers(endpoint: Endpoint): Record<string, string> {
  return endpoint.token === undefined ? {} : { authorization: `Bearer ${endpoint.token}` };
}

/** Sends one operation. @throws {RequestFailed} when the answer carries errors. */
export async function request<Data>(
  endpoint: Endpoint,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
  signal?: AbortSignal,
): Promise<Data> {
  const response = await fetch(new URL(endpoint.path ?? "/graphql", endpoint.url), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers(endpoint) },
    body: JSON.stringify({ query, variables }),
    ...(signal !== undefined && { signal }),
  });
  // The server's own answer; a shape other than GraphQL's would be its fault and shows as a missing field.
  const answer = (await response.json()) as { data?: Data; errors?: ToldError[] };
  if (answer.errors !== undefined && answer.errors.length > 0) throw new RequestFailed(answer.errors);
  if (answer.data === undefined) throw new RequestFailed([{ message: `HTTP ${response.status}` }]);
  return answer.data;
}

/** Sends bytes to an upload's URL. */
export async function put(endpoint: Endpoint, url: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const response = await fetch(new URL(url, endpoint.url), {
    method: "PUT",
    headers: headers(endpoint),
    body: bytes,
  });
  if (!response.ok)
    throw new RequestFailed([{ message: `PUT ${response.status}: ${await response.text()}` }]);
}

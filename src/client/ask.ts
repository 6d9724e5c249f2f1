/** Asking a server from a command: errors come back as ServiceErrors, so that exit codes are those of the table. */

import { type ErrorCode, errorTable, ServiceError } from "../errors.ts";
import { type Endpoint, RequestFailed, request, type ToldError } from "./request.ts";

/** Sends an operation to the system API. */
export function askSystem<Data>(
  endpoint: Endpoint,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
): Promise<Data> {
  return ask<Data>({ ...endpoint, path: "/system/graphql" }, query, variables);
}

/** Sends an operation to the endpoint's path. @throws the ServiceError that the server told. */
export async function ask<Data>(
  endpoint: Endpoint,
  query: string,
  variables: Readonly<Record<string, unknown>> = {},
  signal?: AbortSignal,
): Promise<Data> {
  try {
    return await request<Data>(endpoint, query, variables, signal);
  } catch (error) {
    throw translated(error, endpoint);
  }
}

/** The ServiceError behind a failed request. */
export function translated(error: unknown, endpoint: Pick<Endpoint, "url">): unknown {
  if (error instanceof RequestFailed && error.errors[0] !== undefined) return told(error.errors[0], error);
  if (error instanceof TypeError && error.message === "fetch failed")
    return unavailable(`No answer from ${endpoint.url}.`, error);
  if (error instanceof SyntaxError)
    return unavailable(`${endpoint.url} does not answer as Holdfast does.`, error);
  return error;
}

function unavailable(message: string, cause: unknown): ServiceError {
  return new ServiceError("SERVER_UNAVAILABLE", message, {
    cause,
    details: { remedy: "Is the server running there? Start it with: holdfast start" },
  });
}

function told({ message, extensions = {} }: ToldError, cause: unknown): ServiceError {
  const { code, ...details } = extensions;
  return new ServiceError(knownCode(code), message, { cause, details });
}

function knownCode(code: unknown): ErrorCode {
  const known = Object.keys(errorTable).find((name): name is ErrorCode => name === code);
  return known ?? "BAD_REQUEST";
}

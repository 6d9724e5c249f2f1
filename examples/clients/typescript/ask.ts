/** GraphQL over `fetch`: no more is needed. */

import type { TadaDocumentNode } from "gql.tada";
import { print } from "graphql";

interface Problem {
  readonly message: string;
  readonly extensions?: { readonly code?: string; readonly retryable?: boolean };
}

/** What the service refused. `code` is for programs, the message for people. */
export class Refused extends Error {
  readonly code: string;

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ message }) => message).join("\n"));
    this.code = problems[0]?.extensions?.code ?? "";
  }
}

/** Sends one operation. @throws {Refused} when the answer has errors. */
export async function ask<Result, Variables>(
  url: string,
  document: TadaDocumentNode<Result, Variables>,
  variables: Variables,
): Promise<Result> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const answer = (await response.json()) as { data: Result; errors?: readonly Problem[] };
  if (answer.errors !== undefined) throw new Refused(answer.errors);
  return answer.data;
}

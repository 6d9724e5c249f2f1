import { type ErrorCode, errorTable, ServiceError } from "../errors.ts";

/** The server's own error behind an answer that is no success, with its code, so that exit codes are those of the table. */
export async function refusal(response: Response): Promise<ServiceError> {
  // The body may break off too; the status is known all the same.
  const text = await response.text().catch(() => "");
  const { message, extensions } = toldIn(text);
  const code = Object.keys(errorTable).find((name): name is ErrorCode => name === extensions?.["code"]);
  return new ServiceError(code ?? "SERVER_UNAVAILABLE", message ?? `HTTP ${response.status}: ${text}`, {
    details: { ...extensions },
  });
}

function toldIn(text: string): { message?: string; extensions?: Readonly<Record<string, unknown>> } {
  try {
    // Holdfast answers every error in the shape of GraphQL; anything else shows as text.
    const { errors } = JSON.parse(text) as {
      errors?: { message: string; extensions: Record<string, unknown> }[];
    };
    return errors?.[0] ?? {};
  } catch {
    return {};
  }
}

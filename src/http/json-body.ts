/** JSON bodies as RFC 8259 has them: UTF-8, and nothing that pollutes prototypes. */

import type { FastifyInstance } from "fastify";
import { badRequest } from "./error-reply.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Takes the place of the default parser, which would replace what is no UTF-8 and so change a text on its way into a row. */
export function addJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    const text = decoded(body);
    if (text === undefined) done(badRequest("The body is not valid UTF-8. Send JSON in UTF-8."));
    else void parse(request, text, done);
  });
}

function decoded(body: string | Buffer): string | undefined {
  if (typeof body === "string") return body;
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}

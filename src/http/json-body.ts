/** JSON bodies as RFC 8259 has them: UTF-8, and nothing that pollutes prototypes. */

import { isAscii } from "node:buffer";
import type { FastifyInstance } from "fastify";
import { type PlacedNumber, roundedInteger } from "../api/long-integer.ts";
import { ServiceError } from "../errors.ts";
import { badRequest } from "./error-reply.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Takes the place of the default parser, which would change a text that is no UTF-8, and a long number, on the way into a row. */
export function addJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    const text = decoded(body);
    if (text === undefined) return done(badRequest("The body is not valid UTF-8. Send JSON in UTF-8."));
    const told = (error: Error | null, value?: unknown): void => {
      const rounded = error === null ? roundedInteger(text) : undefined;
      if (rounded === undefined) done(error, value);
      else done(losesDigits(rounded));
    };
    const value = isHarmless(body) ? parsed(text) : undefined;
    if (value === undefined) void parse(request, text, told);
    else told(null, value);
  });
}

function losesDigits({ path, digits }: PlacedNumber): ServiceError {
  return new ServiceError("BAD_USER_INPUT", `${path} is ${digits}, which loses digits as a JSON number.`, {
    details: { field: path, value: digits, remedy: `Send it as a string: "${digits}".` },
  });
}

/** Whether no key of it can be one that pollutes prototypes: a look at the bytes is many times faster than one at the text. */
function isHarmless(body: string | Buffer): boolean {
  return !suspects.some((suspect) => body.includes(suspect));
}

/** An escape may spell either of the others. */
const suspects = ["__proto__", "constructor", "\\"];

/** `undefined` for what is no JSON: the parser tells what is wrong. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function decoded(body: string | Buffer): string | undefined {
  if (typeof body === "string") return body;
  if (isAscii(body)) return body.toString("latin1");
  try {
    return utf8.decode(body);
  } catch {
    return undefined;
  }
}

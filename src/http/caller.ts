/** Who calls, and whether they may: one gate for every endpoint. */

import type { IncomingHttpHeaders } from "node:http";
import { ServiceError } from "../errors.ts";
import type { TokenSource } from "./token-source.ts";
import { impliedRights, type Principal, type Right, verifyToken } from "./tokens.ts";

/** `open`: the endpoint needs no token; it is harmless, or the URL itself carries the right. */
export type Access = "open" | Right;

/** Everyone who reaches a server without tokens, which listens on loopback only. */
const anonymous: Principal = { name: "anonymous", rights: impliedRights("ADMIN") };

/** A caller that may do nothing; endpoints with access `open` give it. */
const nobody: Principal = { name: "nobody", rights: new Set() };

/**
 * Answers who calls.
 * @throws {UNAUTHENTICATED} when a token is needed and missing, unknown or expired. @throws {FORBIDDEN} when it does not allow `access`.
 */
export function identify(
  headers: IncomingHttpHeaders,
  access: Access,
  tokens: TokenSource | undefined,
): Principal | Promise<Principal> {
  if (tokens === undefined) return anonymous;
  if (access === "open") return nobody;
  return bearer(headers, access, tokens);
}

async function bearer(headers: IncomingHttpHeaders, access: Right, tokens: TokenSource): Promise<Principal> {
  const token = /^Bearer +([\x21-\x7e]+) *$/i.exec(headers.authorization ?? "")?.[1];
  const principal = token === undefined ? undefined : verifyToken(await tokens.current(), token, new Date());
  if (principal === undefined) throw unauthenticated(token !== undefined);
  requireRight(principal, access);
  return principal;
}

/** @throws {FORBIDDEN} naming the right that is missing. */
export function requireRight(principal: Principal, right: Right): void {
  if (principal.rights.has(right)) return;
  throw new ServiceError(
    "FORBIDDEN",
    `The token ${JSON.stringify(principal.name)} does not allow ${right}.`,
    {
      details: { remedy: `Use a token with ${right}.`, right },
    },
  );
}

function unauthenticated(given: boolean): ServiceError {
  const message = given ? "The token is not known, or has expired." : "This server needs a token.";
  return new ServiceError("UNAUTHENTICATED", message, {
    details: {
      remedy: "Send the header Authorization: Bearer <token>; make one with: holdfast token create",
    },
  });
}

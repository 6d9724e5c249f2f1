/**
 * Bearer tokens: made once, shown once, kept as SHA-256 only. A token holds 256 random bits, so that a plain digest is enough.
 *
 * The file (`HOLDFAST_TOKENS`) has one token a line: `<right> <sha256 in hex> <expiry in RFC 3339, or -> <name>`; `#` begins a comment.
 */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { open } from "node:fs/promises";
import { ServiceError } from "../errors.ts";

/** What a token allows; each right includes those before it. */
export const rights = ["READ", "WRITE", "ADMIN"] as const;
export type Right = (typeof rights)[number];

/** Who calls, as the APIs see it. */
export interface Principal {
  readonly name: string;
  readonly rights: ReadonlySet<Right>;
}

/** One line of a tokens file. */
export interface TokenRecord {
  readonly name: string;
  readonly right: Right;
  /** SHA-256 of the token's text, 32 bytes. */
  readonly digest: Uint8Array;
  readonly expiresAt?: Date;
}

/** Makes a token: `token` is shown to its owner once, `line` goes into the file. @throws {BAD_USER_INPUT} for a bad name. */
export function createToken(request: {
  readonly name: string;
  readonly right: Right;
  readonly expiresAt?: Date;
}): {
  readonly token: string;
  readonly line: string;
} {
  if (!/^[^\s#\p{C}][^\p{C}]{0,99}$/u.test(request.name)) {
    throw new ServiceError("BAD_USER_INPUT", `The token name ${JSON.stringify(request.name)} is not valid.`, {
      details: {
        field: "name",
        value: request.name,
        remedy: "Use 1 to 100 characters, not beginning with a blank or #.",
      },
    });
  }
  const token = `hf_${randomBytes(32).toString("base64url")}`;
  const expiry = request.expiresAt?.toISOString() ?? "-";
  return { token, line: `${request.right} ${digestOf(token).toString("hex")} ${expiry} ${request.name}\n` };
}

/** Reads the text of a tokens file. @throws {CONFIG_INVALID} naming file and line. */
export function parseTokens(text: string, file: string): readonly TokenRecord[] {
  const lines = text.split(/\r?\n/).map((content, index) => ({ content: content.trim(), line: index + 1 }));
  return lines
    .filter(({ content }) => content !== "" && !content.startsWith("#"))
    .map(({ content, line }) => recordOf(content) ?? refuseLine(file, line));
}

function recordOf(content: string): TokenRecord | undefined {
  const match = /^(READ|WRITE|ADMIN) ([0-9a-f]{64}) (\S+) (.+)$/.exec(content);
  const right = rights.find((each) => each === match?.[1]);
  if (match === null || right === undefined) return undefined;
  const [, , hex = "", expiry = "", name = ""] = match;
  const record = { name, right, digest: Buffer.from(hex, "hex") };
  if (expiry === "-") return record;
  const expiresAt = new Date(expiry);
  return Number.isNaN(expiresAt.getTime()) ? undefined : { ...record, expiresAt };
}

function refuseLine(file: string, line: number): never {
  throw new ServiceError("CONFIG_INVALID", `${file}:${line}: this is no token.`, {
    details: { file, line, remedy: "Make tokens with: holdfast token create" },
  });
}

/** The principal of `token`, or undefined. Compares with every record in constant time, so that timing tells nothing. */
export function verifyToken(
  records: readonly TokenRecord[],
  token: string,
  now: Date,
): Principal | undefined {
  const digest = digestOf(token);
  let found: TokenRecord | undefined;
  for (const record of records) if (timingSafeEqual(record.digest, digest)) found = record;
  if (found === undefined || (found.expiresAt !== undefined && found.expiresAt <= now)) return undefined;
  return { name: found.name, rights: impliedRights(found.right) };
}

/** A right with those that it includes. */
export function impliedRights(right: Right): ReadonlySet<Right> {
  return new Set(rights.slice(0, rights.indexOf(right) + 1));
}

/** Reads a tokens file that only its owner can read. @throws {CONFIG_INVALID} when it is missing, open to others or malformed. */
export async function readTokensFile(file: string): Promise<readonly TokenRecord[]> {
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw new ServiceError("CONFIG_INVALID", `The tokens file ${file} cannot be read.`, {
      details: { field: "HOLDFAST_TOKENS", file, remedy: "Make one with: holdfast token create" },
      cause,
    });
  });
  try {
    const { mode } = await handle.stat();
    if (process.platform !== "win32" && (mode & 0o077) !== 0) throw openToOthers(file, mode);
    return parseTokens(await handle.readFile("utf8"), file);
  } finally {
    await handle.close();
  }
}

function openToOthers(file: string, mode: number): ServiceError {
  const shown = (mode & 0o777).toString(8).padStart(4, "0");
  return new ServiceError(
    "CONFIG_INVALID",
    `The tokens file ${file} has mode ${shown}: others can read or change it.`,
    {
      details: { field: "HOLDFAST_TOKENS", file, value: shown, remedy: `chmod 600 ${file}` },
    },
  );
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token, "utf8").digest();
}

import { chmod, mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openTokens } from "../../src/http/token-source.ts";
import { createToken, parseTokens, readTokensFile, verifyToken } from "../../src/http/tokens.ts";

const now = new Date("2026-06-01T00:00:00Z");

describe("createToken", () => {
  it("keeps no trace of the token in the line", () => {
    const { token, line } = createToken({ name: "rig 3", right: "WRITE" });
    expect(token).toMatch(/^hf_[A-Za-z0-9_-]{43}$/);
    expect(line).not.toContain(token.slice(3, 20));
    expect(line).toMatch(/^WRITE [0-9a-f]{64} - rig 3\n$/);
  });

  it("makes another one each time, and each right includes those before it", () => {
    const made = (["READ", "WRITE", "ADMIN"] as const).map((right) => createToken({ name: right, right }));
    const records = parseTokens(made.map((each) => each.line).join("# note\n\n"), "tokens");
    expect(new Set(made.map((each) => each.token)).size).toBe(3);
    expect(made.map((each) => [...(verifyToken(records, each.token, now)?.rights ?? [])])).toEqual([
      ["READ"],
      ["READ", "WRITE"],
      ["READ", "WRITE", "ADMIN"],
    ]);
  });

  it.each(["", " x", "#x", "a\nREAD b", "a\u0000", "x".repeat(101)])("refuses the name %j", (name) => {
    expect(() => createToken({ name, right: "READ" })).toThrowError(/name/);
  });
});

describe("verifyToken", () => {
  it("refuses what is unknown, changed or expired", () => {
    const expiresAt = new Date(now.getTime() + 1000);
    const { token, line } = createToken({ name: "a", right: "READ", expiresAt });
    const records = parseTokens(line, "tokens");
    expect(verifyToken(records, token, now)?.name).toBe("a");
    expect(verifyToken(records, token, expiresAt)).toBeUndefined();
    expect(verifyToken(records, `${token}x`, now)).toBeUndefined();
    expect(verifyToken(records, "", now)).toBeUndefined();
    expect(verifyToken([], token, now)).toBeUndefined();
  });
});

describe("parseTokens", () => {
  it.each(["READ abc - x", `ROOT ${"a".repeat(64)} - x`, `READ ${"a".repeat(64)} tomorrow x`, "nonsense"])(
    "names file and line of %j",
    (line) => {
      expect(() => parseTokens(`# first\n${line}\n`, "my.tokens")).toThrowError(/^my\.tokens:2:/);
    },
  );
});

describe("a tokens file", () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-tokens-"));
    file = join(folder, "tokens");
  });
  afterEach(() => rm(folder, { recursive: true }));

  it.each([0o640, 0o604, 0o620, 0o666])("is refused with mode %o", async (mode) => {
    await writeFile(file, createToken({ name: "a", right: "READ" }).line);
    await chmod(file, mode);
    await expect(readTokensFile(file)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      details: { remedy: `chmod 600 ${file}` },
    });
  });

  it("is read again when it changes, and allows nobody once it cannot be used", async () => {
    const first = createToken({ name: "a", right: "READ" });
    const second = createToken({ name: "b", right: "READ" });
    await writeFile(file, first.line, { mode: 0o600 });
    const source = await openTokens(file, { recheckMs: 0 });
    await writeFile(file, second.line);
    expect(verifyToken(await source.current(), first.token, now)).toBeUndefined();
    expect(verifyToken(await source.current(), second.token, now)?.name).toBe("b");
    await chmod(file, 0o644);
    expect(await source.current()).toEqual([]);
    await chmod(file, 0o600);
    expect(verifyToken(await source.current(), second.token, now)?.name).toBe("b");
    await unlink(file);
    expect(await source.current()).toEqual([]);
  });

  it("names the remedy when it is missing", async () => {
    await expect(openTokens(file)).rejects.toMatchObject({ code: "CONFIG_INVALID", details: { file } });
  });
});

/** The command line itself: help, version, and what cannot be understood. */

import { tmpdir } from "node:os";
import { describe, expect, it, vi } from "vitest";
import { holdfast } from "../acceptance/support/process.ts";

// Each step is a process of its own: seconds on an idle machine, more on a busy one.
vi.setConfig({ testTimeout: 90_000 });

const run = (...args: string[]) => holdfast(args, { cwd: tmpdir() });

describe("holdfast", () => {
  it("without arguments shows its commands and is a usage error", () => {
    const { code, out, err } = run();
    expect(code).toBe(2);
    expect(out + err).toMatch(/init \[folder\][\s\S]*start[\s\S]*doctor[\s\S]*Begin with/);
  });

  it("shows help and version", () => {
    expect(run("--help")).toMatchObject({ code: 0, err: "" });
    expect(run("--version").out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const commands = [...run("--help").out.matchAll(/^ {2}([a-z]+)(?: |$)/gm)].map(([, name = ""]) => name);
    expect(commands).toEqual(
      expect.arrayContaining([
        "init",
        "start",
        "check",
        "plan",
        "apply",
        "drift",
        "schema",
        "codec",
        "stores",
      ]),
    );
    expect(commands).toEqual(
      expect.arrayContaining(["objects", "refs", "get", "upload", "token", "sample", "doctor"]),
    );
    for (const command of ["start", "get", "upload", "token"]) {
      expect(run(command, "--help")).toMatchObject({
        code: 0,
        out: expect.stringContaining(`holdfast ${command}`),
      });
    }
  });

  it.each([
    [["nonsense"]],
    [["plan", "--nope"]],
    [["refs"]],
    [["token", "create"]],
    [["start", "--port", "many"]],
    [["start", "extra"]],
    [["schema", "prnt"]],
  ])("%j is a usage error, in words and as JSON", (args) => {
    const text = run(...args);
    expect(text.code).toBe(2);
    expect(text.err).not.toContain("..");
    expect(text.err).toMatch(/^holdfast: .+\n( {2}.+\n)? {2}\([A-Z_]+\)\n$/);
    const json = run(...args, "--json");
    expect(json.code).toBe(2);
    expect(json.out).toBe("");
    expect(JSON.parse(json.err)).toEqual({
      error: expect.objectContaining({
        code: expect.stringMatching(/^[A-Z_]+$/),
        message: expect.any(String),
      }),
    });
  });
});

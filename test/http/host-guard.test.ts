import { hostname } from "node:os";
import { describe, expect, it } from "vitest";
import { createHostGuard, isLoopback } from "../../src/http/host-guard.ts";

function allows(bound: string, more: string[], header: string | undefined): boolean {
  try {
    createHostGuard(bound, more).check(header);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "HOST_NOT_ALLOWED" });
    return false;
  }
}

describe("createHostGuard", () => {
  it.each([
    "127.0.0.1",
    "127.0.0.1:4000",
    "localhost",
    "LocalHost:4000",
    "localhost.",
    "localhost.:4000",
    "[::1]",
    "[::1]:4000",
    "[0:0:0:0:0:0:0:1]:4000",
  ])("answers for %s on loopback", (header) => {
    expect(allows("127.0.0.1", [], header)).toBe(true);
  });

  it.each([
    undefined,
    "",
    "evil.example",
    "evil.example:4000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example@localhost",
    "localhost@evil.example",
    "localhost:4000@evil.example",
    "localhost/evil",
    "localhost:0",
    "localhost:65536",
    "localhost:99999",
    "localhost:80:80",
    "localhost, evil.example",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0.0.0.0",
    "[::ffff:127.0.0.1]",
    "[::1",
    "::1",
    "localhost..",
  ])("refuses %s on loopback", (header) => {
    expect(allows("127.0.0.1", [], header)).toBe(false);
  });

  it("answers for the names of HOLDFAST_HOSTS, one port or all", () => {
    const more = ["Lab.example", "data.example:8443", "[2001:db8::1]", "fd00::7"];
    expect(allows("127.0.0.1", more, "lab.example:1234")).toBe(true);
    expect(allows("127.0.0.1", more, "LAB.EXAMPLE.")).toBe(true);
    expect(allows("127.0.0.1", more, "data.example:8443")).toBe(true);
    expect(allows("127.0.0.1", more, "data.example:8444")).toBe(false);
    expect(allows("127.0.0.1", more, "data.example")).toBe(false);
    expect(allows("127.0.0.1", more, "[2001:DB8:0::1]:9")).toBe(true);
    expect(allows("127.0.0.1", more, "[fd00::7]")).toBe(true);
    expect(allows("127.0.0.1", more, "sub.lab.example")).toBe(false);
  });

  it("answers for the address it is bound to, and for the machine's own when bound to all", () => {
    expect(allows("10.1.2.3", [], "10.1.2.3:4000")).toBe(true);
    expect(allows("10.1.2.3", [], "localhost")).toBe(false);
    expect(allows("0.0.0.0", [], "localhost:4000")).toBe(true);
    expect(allows("0.0.0.0", [], hostname())).toBe(true);
    expect(allows("::", [], "evil.example")).toBe(false);
  });

  it("refuses an entry that is no host", () => {
    expect(() => createHostGuard("127.0.0.1", ["http://lab.example"])).toThrowError(/HOLDFAST_HOSTS/);
  });
});

describe("isLoopback", () => {
  it("knows this machine only", () => {
    expect(["127.0.0.1", "127.9.9.9", "::1", "localhost"].every(isLoopback)).toBe(true);
    expect(["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.evil", "lab"].some(isLoopback)).toBe(false);
  });
});

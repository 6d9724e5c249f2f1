import { describe, expect, it } from "vitest";
import { readSettings } from "../../src/cli/settings.ts";
import { isServiceError } from "../../src/errors.ts";
import { defaultDecodeLimits } from "../../src/format/decode-limits.ts";
import { defaultHttpLimits } from "../../src/http/limits.ts";

const read = (env: Record<string, string>, flags = {}) => readSettings(flags, env, "/lab");

function refusal(env: Record<string, string>): string {
  try {
    read(env);
  } catch (error) {
    if (isServiceError(error, "CONFIG_INVALID")) return error.message;
    throw error;
  }
  return "accepted";
}

describe("readSettings", () => {
  it("has a safe default for everything", () => {
    expect(read({})).toEqual({
      schemaPath: "/lab/schema.graphql",
      host: "127.0.0.1",
      port: 4000,
      portGiven: false,
      dataFolder: "/lab/data",
      hosts: [],
      prepared: true,
      httpLimits: defaultHttpLimits,
      decodeLimits: defaultDecodeLimits,
      changesKept: { keptSeconds: 3600, maxEntries: 1_000_000 },
      imports: { rules: [], limits: { bytes: 2 ** 36, totalMs: 21_600_000, idleMs: 30_000 }, atATime: 4 },
      uploadQuota: { uploads: 10_000, bytes: 20 * 2 ** 40 },
      jobs: {
        isOn: true,
        schedules: {
          expire: { cron: "5 * * * *", madeUpMs: 3_600_000 },
          collect: { cron: "20 * * * *", madeUpMs: 3_600_000 },
          fsck: { cron: "40 4 * * 0", madeUpMs: 604_800_000 },
        },
      },
    });
  });

  it("takes an empty variable for an unset one", () => {
    expect(read({ PORT: "", DATABASE_URL: "", HOST: "", LOG_LEVEL: "" })).toEqual(read({}));
  });

  it("puts flags before the environment", () => {
    const settings = read({ PORT: "1", HOLDFAST_SCHEMA: "a.graphql" }, { port: "2", schema: "b.graphql" });
    expect(settings).toMatchObject({ port: 2, portGiven: true, schemaPath: "/lab/b.graphql" });
  });

  it("makes one URL of PostgreSQL's own variables, whatever characters they hold", () => {
    const { databaseUrl = "" } = read({
      PGHOST: "db",
      PGUSER: "a@b",
      PGPASSWORD: "p:/?#",
      PGDATABASE: "my lab",
    });
    const url = new URL(databaseUrl);
    expect([url.host, url.username, url.password, url.pathname].map(decodeURIComponent)).toEqual([
      "db:5432",
      "a@b",
      "p:/?#",
      "/my lab",
    ]);
  });

  it("takes an origin for the data, and nothing more than one", () => {
    const of = (text: string) => read({ HOLDFAST_DATA_ORIGIN: text }).dataOrigin;
    expect(of("https://Data.Lab.org/")).toBe("https://data.lab.org");
    expect(of("http://localhost:4000")).toBe("http://localhost:4000");
    for (const bad of [
      "data.lab.org",
      "https://data.lab.org/d",
      "ftp://x",
      "https://u:p@x",
      "https://x?a",
      "x",
    ])
      expect(refusal({ HOLDFAST_DATA_ORIGIN: bad })).toContain("HOLDFAST_DATA_ORIGIN is not valid");
  });

  it.each([
    [{ PORT: "http" }, 'PORT is "http"; it must be a whole number from 0 to 65535.'],
    [{ PORT: "65536" }, 'PORT is "65536"; it must be a whole number from 0 to 65535.'],
    [
      { DATABASE_URL: "mysql://u:secret@h/d" },
      "DATABASE_URL is not valid; it must be a URL that begins with postgres:// or postgresql://.",
    ],
    [
      { HOLDFAST_URL: "ftp://x" },
      "HOLDFAST_URL is not valid; it must be a URL that begins with http:// or https://.",
    ],
    [
      { LOG_LEVEL: "loud" },
      'LOG_LEVEL is "loud"; it must be one of trace, debug, info, warn, error, fatal, silent.',
    ],
    [{ HOLDFAST_PREPARED: "maybe" }, 'HOLDFAST_PREPARED is "maybe"; it must be one of on, off.'],
  ])("names what is wrong in %j and never repeats a secret", (env, message) => {
    expect(refusal(env)).toBe(message);
  });
});

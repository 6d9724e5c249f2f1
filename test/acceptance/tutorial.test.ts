/** The guide's first steps, run as written: public surface only, nothing of ours is imported. */

import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/guide/first-steps.md"), "utf8");

interface Block {
  readonly language: string;
  readonly attribute: string;
  readonly text: string;
}

const blocks: Block[] = [...page.matchAll(/^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm)].map(
  ([, language = "", attribute = "", text = ""]) => ({
    language,
    attribute,
    text,
  }),
);

const folder = mkdtempSync(join(tmpdir(), "holdfast-tutorial-"));
const command = join(folder, "holdfast");
writeFileSync(
  command,
  `#!/bin/sh\nexec "${process.execPath}" "${join(root, "dist/src/cli/holdfast.js")}" "$@"\n`,
);
chmodSync(command, 0o755);

const environment = {
  ...process.env,
  NODE_ENV: "",
  PATH: `${folder}:${process.env["PATH"]}`,
  DATABASE_URL: "",
  PGHOST: "",
  HOLDFAST_DATA: "",
  PORT: "",
};

/** One shell for all blocks, as a reader has: functions, variables and the working folder stay. */
class Shell {
  private readonly child: ChildProcess = spawn("bash", ["--noprofile", "--norc"], {
    cwd: folder,
    env: environment,
  });
  private output = "";

  constructor() {
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.output += chunk.toString("utf8");
      });
    }
  }

  async run(script: string): Promise<string> {
    this.output = "";
    this.child.stdin?.write(`${script}\necho "done:$?"\n`);
    for (let waited = 0; waited < 60_000; waited += 20) {
      const end = /done:(\d+)\n$/.exec(this.output);
      if (end !== null) {
        const text = this.output.slice(0, end.index);
        if (end[1] !== "0") throw new Error(`exit ${end[1]}:\n${script}\n${text}`);
        return text;
      }
      await new Promise((done) => setTimeout(done, 20));
    }
    throw new Error(`no end:\n${script}\n${this.output}`);
  }

  close(): void {
    this.child.stdin?.end();
  }
}

let server: ChildProcess | undefined;
let address = "";
const shell = new Shell();

async function start(script: string): Promise<void> {
  const child = spawn("bash", ["-c", `exec ${script.trim()}`], {
    cwd: join(folder, "birds"),
    env: environment,
  });
  server = child;
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8");
  });
  for (let waited = 0; waited < 60_000; waited += 50) {
    const ready = said.split("\n").find((line) => line.includes('"event":"ready"'));
    if (ready !== undefined) {
      address = new URL((JSON.parse(ready) as { url: string }).url).host;
      return;
    }
    if (child.exitCode !== null) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`the service did not come up:\n${said}`);
}

/** Whether `actual` holds everything that `expected` shows; `…` stands for any text. */
function expectShown(actual: unknown, expected: unknown): void {
  if (expected === "…") expect(typeof actual).toBe("string");
  else if (Array.isArray(expected)) {
    expect(actual).toHaveLength(expected.length);
    expected.forEach((item, i) => {
      expectShown((actual as unknown[])[i], item);
    });
  } else if (expected !== null && typeof expected === "object") {
    for (const [key, value] of Object.entries(expected))
      expectShown((actual as Record<string, unknown>)[key], value);
  } else expect(actual).toEqual(expected);
}

afterAll(async () => {
  shell.close();
  if (server !== undefined && server.exitCode === null) {
    const ended = new Promise((done) => server?.once("exit", done));
    server.kill("SIGINT");
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

describe("docs/guide/first-steps.md", () => {
  let output = "";
  for (const [i, { language, attribute, text }] of blocks.entries()) {
    it(`block ${i + 1}: ${language} ${attribute} ${text.split("\n")[0]}`, { timeout: 120_000 }, async () => {
      const script = text.replaceAll("127.0.0.1:4000", address);
      if (language === "graphql") writeFileSync(join(folder, "birds", attribute.replace("file=", "")), text);
      else if (language === "sh" && attribute === "background") await start(script);
      else if (language === "sh") output = await shell.run(script);
      else if (language === "json") expectShown(JSON.parse(output), JSON.parse(text));
      else if (language === "text") expect(output).toBe(text);
      else throw new Error(`a block of language ${language} is not run`);
    });
  }
});

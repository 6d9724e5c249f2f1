/** The built command on a pseudo-terminal, typed at and read as a person would. */

import { spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";

const command = resolve(import.meta.dirname, "../../../dist/src/cli/holdfast.js");

export interface Terminal {
  /** Everything shown so far, without control characters. */
  screen(): string;
  /** Everything shown so far, as it was sent. */
  raw(): string;
  /** Waits for a text, shown after the last one that was waited for. @throws with the screen when it does not come. */
  until(text: string | RegExp): Promise<void>;
  press(keys: string): void;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  kill(): void;
}

export const ctrlC = "\u0003";
const patienceMs = 20_000;

export function openTerminal(
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
): Terminal {
  const script = join(import.meta.dirname, "terminal.py");
  const child = spawn("python3", [script, process.execPath, command, ...args], {
    cwd: options.cwd,
    env: { ...process.env, DATABASE_URL: "", PGHOST: "", TERM: "xterm", ...options.env },
  });
  let raw = "";
  let seen = 0;
  child.stdout.on("data", (chunk: Buffer) => {
    raw += chunk.toString("utf8");
  });
  const ended = new Promise<number | null>((done) => child.once("exit", (code) => done(code)));
  // What is wrapped by the terminal's width is still one text.
  const screen = () => stripVTControlCharacters(raw).replaceAll("\r", "");
  return {
    screen,
    raw: () => raw,
    async until(text) {
      const pattern = typeof text === "string" ? new RegExp(RegExp.escape(text), "g") : new RegExp(text, "g");
      for (let waited = 0; waited < patienceMs; waited += 25) {
        pattern.lastIndex = seen;
        if (pattern.test(screen())) {
          seen = pattern.lastIndex;
          return;
        }
        await new Promise((done) => setTimeout(done, 25));
      }
      throw new Error(`"${text}" was not shown:\n${screen()}`);
    },
    press: (keys) => child.stdin.write(keys),
    ended,
    kill: () => child.kill("SIGKILL"),
  };
}

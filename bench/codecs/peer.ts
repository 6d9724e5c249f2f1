/** DataJoint-Python as a partner that takes turns: `bench/codecs/peer.py` in an environment of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { installPeer, python } from "../../test/interop/python.ts";

export interface Peer {
  /** Seconds. */
  ask(request: object): Promise<number>;
  close(): void;
}

export function startPeer(): Peer {
  installPeer();
  const child: ChildProcess = spawn(python, ["-W", "ignore", join(import.meta.dirname, "peer.py")], {
    env: { ...process.env, DJ_IGNORE_CONFIG_FILE: "true" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  if (child.stdout === null || child.stdin === null) throw new Error("The peer has no pipes.");
  const { stdin } = child;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    ask: async (request) => {
      stdin.write(`${JSON.stringify(request)}\n`);
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error(`The peer ended at ${JSON.stringify(request)}.`);
        // What it says of its connection is no answer.
        if (/^[0-9]/.test(value)) return Number(value);
      }
    },
    close: () => void stdin.end(),
  };
}

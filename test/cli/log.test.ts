/** The log of a service whose reader goes away. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it } from "vitest";

const source = join(import.meta.dirname, "../../src/cli/start/log.ts");
const program = `
  const { createLog } = await import(${JSON.stringify(source)});
  const log = createLog("info");
  log.info("before");
  process.stdout.write("ready");
  await new Promise((done) => process.stdin.once("data", done));
  log.error("nobody reads this");
  for (let n = 0; n < 1000; n++) log.info({ n }, "nor this");
  process.stdout.write("served", () => process.exit(0));
`;

it("goes on when nobody reads it any more", async () => {
  const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", program]);
  try {
    const [line] = (await once(child.stderr, "data")) as [Buffer];
    expect(JSON.parse(line.toString())).toMatchObject({ msg: "before" });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.destroy();
    child.stdin.write("go on");
    const [code] = await once(child, "close");
    expect([code, out]).toEqual([0, "readyserved"]);
  } finally {
    child.kill("SIGKILL");
  }
});

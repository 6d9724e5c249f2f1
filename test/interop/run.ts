/**
 * DataJoint-Python against Holdfast, both ways: it reads the sample laboratory and finds every value equal to what was expected before
 * anything was inserted; and it writes rows that the API then serves. Then the same both ways on an S3 store. In the end the short form of
 * `npm run test:beside`: it writes and deletes for 20 seconds beside the collector; and of `npm run test:jobs`: 300 keys.
 *
 * After it zarr-python, numpy and h5py open what a service gives URLs of.
 *
 * Installs the peer and an S3 server into `.cache/`; needs python3 and Go. Ends with `N passed, N failed`.
 */

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beside } from "../beside/beside.ts";
import { problemsOf, summaryOf } from "../beside/judge.ts";
import { buildService } from "../s3/support/suite.ts";
import { startChecks } from "../support/checks.ts";
import { compareJobs } from "./jobs/jobs.ts";
import { compareKinds } from "./kinds/kinds.ts";
import { installPeer, must, python, root, run } from "./python.ts";
import { compareOnS3 } from "./s3.ts";
import { compareUrls } from "./urls.ts";
import { compareZarr } from "./zarr.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-interop-"));
const data = join(folder, "data");
const command = join(root, "dist/src/cli/holdfast.js");

const { check, failed, end } = startChecks();

async function startServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  const args = [command, "start", "--no-sample", "--no-watch", "--port", "0", "--data", data];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, DATABASE_URL: "", PGHOST: "" },
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (said += chunk.toString("utf8")));
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  for (let waited = 0; waited < 60_000; waited += 50) {
    const ready = said.split("\n").find((line) => line.includes('"event":"ready"'));
    if (ready !== undefined) {
      const stop = async () => {
        child.kill("SIGINT");
        await ended;
      };
      return { url: (JSON.parse(ready) as { url: string }).url, stop };
    }
    if (child.exitCode !== null) break;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`the service did not come up:\n${said}`);
}

async function ask(url: string, query: string): Promise<unknown> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });
  const answer = (await response.json()) as { data?: unknown; errors?: unknown };
  if (answer.errors !== undefined) throw new Error(JSON.stringify(answer.errors));
  return answer.data;
}

function equal(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    throw new Error(`got ${JSON.stringify(actual)}\nexpected ${JSON.stringify(expected)}`);
  }
}

const asWritten = {
  session: {
    title: "written by DataJoint",
    startedAt: "2026-05-01T04:30:00.123456Z",
    origin: "MEASURED",
    settings: { json: { gain: 2, offset: 0.5, channels: ["a", "b"] } },
    sweeps: {
      nodes: [
        {
          recording: {
            voltage: { dtype: "int16", shape: [3, 4], values: [1, 5, 9] },
            spikeTrain: { spikeTimes: { kind: "ndarray" } },
          },
        },
      ],
    },
  },
};

const readQuery = `{ session(sessionId: 900) { title startedAt origin settings { json } sweeps { nodes { recording {
  voltage { dtype shape values(slice: [{}, {index: 1}]) } spikeTrain { spikeTimes { kind } } } } } } }`;

async function compare(url: string): Promise<void> {
  const { databaseUrl } = JSON.parse(readFileSync(join(data, "server.json"), "utf8")) as {
    databaseUrl: string;
  };
  const expected = join(folder, "expected.json");
  const stores = join(folder, "stores.json");
  const location = join(data, "stores", "main");
  writeFileSync(stores, JSON.stringify({ default: "main", main: { protocol: "file", location } }));
  await check("the sample is loaded through the API", () => {
    must(
      "sample load",
      run(process.execPath, [
        command,
        "sample",
        "load",
        "--server",
        url,
        "--expected",
        expected,
        "--data",
        data,
      ]),
    );
  });
  const verify = join(import.meta.dirname, "verify_with_datajoint.py");
  const common = ["--dsn", databaseUrl, "--schema", "lab", "--stores", stores, "--expected", expected];
  for (const mode of [[], ["--plain"]]) {
    await check(`DataJoint reads every value of the sample ${mode.join("")}`, () => {
      process.stdout.write(must("verify", run(python, [verify, ...common, ...mode])));
    });
  }
  await check("the guide's program opens the sample, reads a trace and writes a row", async () => {
    const program = join(root, "examples/datajoint/open_lab.py");
    const said = must("open_lab.py", run(python, [program, data, "lab"]));
    if (!said.includes("first trace: Current steps into a simulated axon float32 (25000,)"))
      throw new Error(said);
    const row = `{ preparation(preparation: "leech ganglion") { description } }`;
    equal(await ask(url, row), { preparation: { description: "Hirudo medicinalis" } });
  });
  await check("DataJoint writes into the same tables", () => {
    const write = join(import.meta.dirname, "write_with_datajoint.py");
    process.stdout.write(
      must("write", run(python, [write, "--dsn", databaseUrl, "--schema", "lab", "--stores", stores])),
    );
  });
  await check("the API serves what DataJoint wrote", async () => equal(await ask(url, readQuery), asWritten));
}

try {
  installPeer();
  buildService();
  const server = await startServer();
  try {
    await compare(server.url);
  } finally {
    await server.stop();
  }
  await compareOnS3(check);
  await check("nothing is lost while DataJoint writes and deletes beside the collector", async () => {
    const result = await beside({ seed: 20_261_122, seconds: 20, collector: "holdfast" });
    process.stdout.write(summaryOf(result));
    const problems = problemsOf(result);
    if (problems.length > 0) throw new Error(problems.join("\n"));
  });
  await compareKinds(check);
  await compareJobs(check, 300);
  await compareZarr(check);
  await compareUrls(check);
} catch (error) {
  failed(error);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
end();

/** A real S3 server for tests: versitygw on a folder, with keys of its own. The binary is brought by `npm run test:s3`. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import type { StoreConfig } from "../../../src/store/contract.ts";

export interface S3Server {
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly client: S3Client;
  /** Where the objects of the bucket lie. */
  readonly folder: string;
  /** Ends the process at once, as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder. */
  start(): Promise<void>;
  close(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return address.port;
}

export async function startS3(options: { versioned?: boolean } = {}): Promise<S3Server> {
  const binary = process.env["HOLDFAST_TEST_VERSITYGW"];
  if (binary === undefined)
    throw new Error("Run these tests by `npm run test:s3`, which brings the S3 server.");
  const base = await mkdtemp(join(tmpdir(), "holdfast-s3-"));
  const [data, versions] = [join(base, "data"), join(base, "versions")];
  await Promise.all([mkdir(data), mkdir(versions)]);
  const port = await freePort();
  const accessKey = `key${randomBytes(8).toString("hex")}`;
  const secretKey = randomBytes(20).toString("hex");
  const endpoint = `http://127.0.0.1:${port}`;
  const versioning = options.versioned === true ? ["--versioning-dir", versions] : [];
  const args = ["--port", `127.0.0.1:${port}`, "--keep-alive", "--quiet", "posix", ...versioning, data];
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    const env = { ...process.env, ROOT_ACCESS_KEY: accessKey, ROOT_SECRET_KEY: secretKey };
    child = spawn(binary, args, { env, stdio: "ignore" });
    await answering(endpoint, child);
  };
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  await start();
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
  const bucket = "holdfast";
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const close = async (): Promise<void> => {
    client.destroy();
    await kill();
    await rm(base, { recursive: true, force: true });
  };
  return { endpoint, bucket, accessKey, secretKey, client, folder: join(data, bucket), kill, start, close };
}

async function answering(endpoint: string, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null) throw new Error(`versitygw ended with ${child.exitCode}.`);
    const answer = await fetch(endpoint).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer !== undefined) return;
    await setTimeout(50);
  }
  throw new Error("versitygw does not answer.");
}

/** The configuration of a store on `server`, in a location of its own. */
export function storeOn(
  server: S3Server,
  location: string,
  driver: Record<string, unknown> = {},
): StoreConfig {
  const { endpoint, bucket, accessKey, secretKey } = server;
  return {
    name: "cloud",
    protocol: "s3",
    location,
    hashPrefix: "_hash",
    schemaPrefix: "_schema",
    tokenLength: 8,
    driver: { endpoint, bucket, access_key: accessKey, secret_key: secretKey, ...driver },
  };
}

/** A real S3 server for tests, versitygw or MinIO on a folder, with keys of its own. `npm run test:s3` and `test:minio` bring it. */

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
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

/** The server that these tests run on, and its program. */
function program(): { readonly name: string; readonly binary: string } {
  const [name = "", ...rest] = (process.env["HOLDFAST_TEST_S3"] ?? "").split(":");
  if (rest.length > 0) return { name, binary: rest.join(":") };
  throw new Error("Run these tests by `npm run test:s3`, which brings the S3 server.");
}

/** Whether the tests run on that server; what it does otherwise than others is told where this is asked. */
export function isOn(name: "versitygw" | "minio"): boolean {
  return program().name === name;
}

export interface S3Options {
  readonly versioned?: boolean;
  /** Certificate and key files: the server then speaks TLS, and its endpoint is https. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

export async function startS3(options: S3Options = {}): Promise<S3Server> {
  const { name, binary } = program();
  const base = await mkdtemp(join(tmpdir(), "holdfast-s3-"));
  const [data, versions] = [join(base, "data"), join(base, "versions")];
  await Promise.all([mkdir(data), mkdir(versions)]);
  const port = await freePort();
  const accessKey = `key${randomBytes(8).toString("hex")}`;
  const secretKey = randomBytes(20).toString("hex");
  const { tls } = options;
  const endpoint = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
  const versioning = options.versioned === true ? ["--versioning-dir", versions] : [];
  const secured = tls === undefined ? [] : ["--cert", tls.cert, "--key", tls.key];
  const args =
    name === "minio"
      ? ["server", "--quiet", "--address", `127.0.0.1:${port}`, "--console-address", "127.0.0.1:0", data]
      : ["--port", `127.0.0.1:${port}`, "--keep-alive", "--quiet", ...secured, "posix", ...versioning, data];
  const keys = {
    ROOT_ACCESS_KEY: accessKey,
    ROOT_SECRET_KEY: secretKey,
    MINIO_ROOT_USER: accessKey,
    MINIO_ROOT_PASSWORD: secretKey,
  };
  let child: ChildProcess | undefined;
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  };
  // One that still runs would keep the port, and be nobody's.
  const start = async (): Promise<void> => {
    await kill();
    child = spawn(binary, args, { env: { ...process.env, ...keys }, stdio: "ignore" });
    await answering(port, child);
  };
  process.once("exit", () => child?.kill("SIGKILL"));
  await start();
  const requestHandler = tls === undefined ? {} : { httpsAgent: { ca: await readFile(tls.ca) } };
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  const plain = { endpoint, region: "us-east-1", forcePathStyle: true, credentials };
  const client = new S3Client({ ...plain, requestHandler });
  const bucket = "holdfast";
  await madeBucket(client, bucket);
  const close = async (): Promise<void> => {
    client.destroy();
    await kill();
    await rm(base, { recursive: true, force: true });
  };
  return { endpoint, bucket, accessKey, secretKey, client, folder: join(data, bucket), kill, start, close };
}

async function answering(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    if (child.exitCode !== null) throw new Error(`The S3 server ended with ${child.exitCode}.`);
    const socket = connect(port, "127.0.0.1");
    const isThere = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return;
    await setTimeout(50);
  }
  throw new Error("The S3 server does not answer.");
}

/** A server that has just opened its port may need a moment. */
async function madeBucket(client: S3Client, Bucket: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await client.send(new CreateBucketCommand({ Bucket }));
      return;
    } catch (error) {
      if (attempt === 20) throw error;
      await setTimeout(250);
    }
  }
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

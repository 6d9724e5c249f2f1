/** Uploads by parts on a real S3 server: the object side over a database and one store, behind a proxy that can fail. */

import { createHash } from "node:crypto";
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { afterAll, afterEach } from "vitest";
import type { StoredObject } from "../../../src/codec/contract.ts";
import { connect, type PostgresDatabase } from "../../../src/db/database.ts";
import { migrate } from "../../../src/db/migrate.ts";
import type { StageRequest, UploadPart, UploadRequest } from "../../../src/object/contract.ts";
import { inertFaults } from "../../../src/object/fault-points.ts";
import { createObjects, type Objects, type ObjectsOptions } from "../../../src/object/objects.ts";
import { defaultUploadQuota } from "../../../src/object/upload-quota.ts";
import type { UploadContext } from "../../../src/object/upload-receive.ts";
import type { StoreDriver, Stores } from "../../../src/store/contract.ts";
import { createS3Driver } from "../../../src/store/s3.ts";
import { freshDatabase } from "../../support/database.ts";
import { type FaultProxy, type Seen, startProxy } from "./proxy.ts";
import { type S3Server, startS3, storeOn } from "./server.ts";

export interface PartsLaboratory {
  readonly server: S3Server;
  /** What the service goes through. */
  readonly proxy: FaultProxy;
  readonly db: PostgresDatabase;
  readonly objects: Objects;
  /** Sees what is truly there. */
  readonly truth: StoreDriver;
  /** Over the same store, for the sweeper. */
  readonly context: UploadContext;
  /** Another replica. */
  again(options?: Partial<ObjectsOptions>): Promise<Objects>;
  /** Names of open multipart uploads. */
  open(): Promise<string[]>;
  /** Paths of objects, our own section aside. */
  visible(): Promise<string[]>;
  pathOf(id: string): Promise<string>;
  /** Makes the upload's time run out. */
  expire(id: string): Promise<void>;
}

export const partBytes = 5 << 20;

export async function partsLaboratory(): Promise<PartsLaboratory> {
  const server = await startS3();
  const proxy = await startProxy(server.endpoint);
  const url = await freshDatabase();
  await migrate(url);
  const db = await connect(url, { maxConnections: 10 });
  const truth = createS3Driver(storeOn(server, "lab"), {});
  const config = storeOn(server, "lab", { endpoint: proxy.endpoint });
  const driver = createS3Driver(config, { attempts: 2, stallMs: 2_000, connectMs: 1_000, assemblyMs: 3_000 });
  const store = { config, driver };
  const stores: Stores = {
    all: new Map([["cloud", store]]),
    defaultName: "cloud",
    filepathDefaultName: undefined,
    get: () => store,
  };
  const closing: Objects[] = [];
  const again = async (options: Partial<ObjectsOptions> = {}): Promise<Objects> => {
    const objects = await createObjects({ db, stores, ...options });
    closing.push(objects);
    return objects;
  };
  const objects = await again();
  await db.query("CREATE SCHEMA lab");
  await db.query("CREATE TABLE lab.item (id int PRIMARY KEY, value jsonb)");
  await db.query("SELECT holdfast.adopt_column('lab.item', 'value', 'cloud', false)");
  afterEach(() => {
    proxy.rule = () => undefined;
  });
  afterAll(async () => {
    for (const one of closing) await one.close();
    await db.close();
    await proxy.close();
    await server.close();
  });
  const list = async (values: AsyncIterable<{ readonly path: string }>): Promise<string[]> => {
    const paths: string[] = [];
    for await (const { path } of values) if (!path.startsWith("_obj/")) paths.push(path);
    return paths;
  };
  return {
    server,
    proxy,
    db,
    objects,
    truth,
    context: {
      db,
      stores,
      faults: inertFaults,
      uploadMs: 86_400_000,
      quota: defaultUploadQuota,
      maxBytes: 5 * 2 ** 40,
    },
    again,
    open: async () => {
      const { Uploads = [] } = await server.client.send(
        new ListMultipartUploadsCommand({ Bucket: server.bucket }),
      );
      return Uploads.map(({ Key = "" }) => Key.slice("lab/".length));
    },
    visible: () => list(truth.list("")),
    pathOf: async (id) => {
      const { rows } = await db.query<{ path: string }>(
        "SELECT path FROM holdfast.upload_detail WHERE id = $1",
        [id],
      );
      return rows[0]?.path ?? "";
    },
    expire: async (id) => {
      const past = "clock_timestamp() - interval '2 hours'";
      await db.query(`UPDATE holdfast.upload SET expires_at = ${past} WHERE id = $1`, [id]);
      await db.query(
        `UPDATE holdfast.upload_detail SET expires_at = ${past}, sweep_at = CASE WHEN sweep_at IS NULL THEN NULL ELSE ${past} END WHERE id = $1`,
        [id],
      );
    },
  };
}

export const target = (more: Partial<StageRequest> = {}): StageRequest => ({
  store: "cloud",
  addressing: "schema",
  schema: "lab",
  table: "item",
  column: "value",
  key: [["id", "1"]],
  ext: ".bin",
  ...more,
});

/** An upload of `content` in `parts` parts. */
export function create(lab: PartsLaboratory, content: Uint8Array, more: Partial<UploadRequest> = {}) {
  return lab.objects.uploads.create({
    target: target(),
    field: "Item.value",
    kind: "FILE",
    filename: "a.bin",
    sizeBytes: String(content.length),
    sha256: sha256(content),
    parts: 3,
    ...more,
  });
}

export const sha256 = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");

/** The bytes of one part of `content`. */
export function bytesOf(
  content: Uint8Array,
  parts: readonly UploadPart[],
  number: number,
): Uint8Array<ArrayBuffer> {
  const at = parts.slice(0, number - 1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return Uint8Array.from(content.subarray(at, at + (parts[number - 1]?.sizeBytes ?? 0)));
}

/** Sends bytes to a part's URL; answers status and ETag. */
export async function put(
  url: string | undefined,
  body: Uint8Array<ArrayBuffer>,
): Promise<{ status: number; etag: string }> {
  const answer = await fetch(url ?? "", { method: "PUT", body });
  await answer.arrayBuffer();
  return { status: answer.status, etag: answer.headers.get("etag") ?? "" };
}

/** Sends all parts of `content`. */
export async function sendAll(content: Uint8Array, parts: readonly UploadPart[] = []): Promise<void> {
  for (const { number, url } of parts) {
    const { status } = await put(url, bytesOf(content, parts, number));
    if (status !== 200) throw new Error(`part ${number} was answered ${status}`);
  }
}

/** Publishes the upload and writes a row that names it. */
export async function writeRow(lab: PartsLaboratory, id: number, upload: string): Promise<StoredObject> {
  const staged = await lab.objects.writer.stageUpload(upload, target());
  return lab.db.transaction(async (transaction) => {
    const object = await lab.objects.writer.publish(transaction, staged);
    await transaction.query("INSERT INTO lab.item VALUES ($1, $2::jsonb)", [
      id,
      JSON.stringify({ store: object.store, path: object.path }),
    ]);
    return object;
  });
}

export const isBegin = ({ method, url }: Seen): boolean => method === "POST" && /[?&]uploads/.test(url);
export const isComplete = ({ method, url }: Seen): boolean => method === "POST" && /[?&]uploadId=/.test(url);

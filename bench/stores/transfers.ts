/** Values in and out: through Holdfast, and to the same S3 server by the AWS SDK. Nothing is kept whole, and every byte is counted. */

import { once } from "node:events";
import { createReadStream } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { Agent, type IncomingMessage, request } from "node:http";
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { Servers } from "./servers.ts";

const mib = 2 ** 20;
/** As the service has it, so that both ask the same of the server. */
const partBytes = 8 * mib;
const partsAtOnce = 4;
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

/** A field of `Item`. */
export type Field = "remote" | "local";

/** Where an upload lies and how it is used. */
export interface Made {
  readonly id: number;
  /** Data URL. */
  readonly url: string;
}

let nextItem = 1;

/** A file through the service: reserved, sent by PUT, named by a row. */
export async function sendFile(
  servers: Servers,
  field: Field,
  file: string,
  sizeBytes: number,
): Promise<Made> {
  const { createUpload } = await servers.ask<{ createUpload: { id: string; url: string } }>(
    `mutation ($input: CreateUploadInput!) { createUpload(input: $input) { id url } }`,
    { input: { target: { type: "Item", field }, filename: "bytes.bin", sizeBytes: String(sizeBytes) } },
  );
  const outgoing = request(createUpload.url, {
    method: "PUT",
    agent,
    headers: { "content-length": sizeBytes },
  });
  const answered = once(outgoing, "response");
  createReadStream(file, { highWaterMark: mib }).pipe(outgoing);
  const [answer]: IncomingMessage[] = (await answered) as IncomingMessage[];
  await drained(answer, 201);
  return await row(servers, field, { upload: createUpload.id });
}

async function row(servers: Servers, field: Field, value: object): Promise<Made> {
  const id = nextItem++;
  const { createItem } = await servers.ask<{ createItem: { item: Record<Field, { url: string }> } }>(
    `mutation ($input: CreateItemInput!) { createItem(input: $input) { item { ${field} { url } } } }`,
    { input: { itemId: id, [field]: value } },
  );
  return { id, url: createItem.item[field].url };
}

/** Values as rows, many in one request. Answers their URLs. */
export async function sendRows(servers: Servers, values: readonly Buffer[]): Promise<string[]> {
  const rows = values.map((bytes) => ({
    itemId: nextItem++,
    small: { base64: { name: "small.bin", content: bytes.toString("base64") } },
  }));
  const { createItems } = await servers.ask<{ createItems: { items: { small: { url: string } }[] } }>(
    `mutation ($rows: [CreateItemInput!]!) { createItems(rows: $rows) { items { small { url } } } }`,
    { rows },
  );
  return createItems.items.map(({ small }) => small.url);
}

/** Reads a data URL to its end. @throws when it has another length. */
export async function fetchAll(url: string, sizeBytes: number): Promise<void> {
  const outgoing = request(url, { agent }).end();
  const [answer]: IncomingMessage[] = (await once(outgoing, "response")) as IncomingMessage[];
  const received = await drained(answer, 200);
  if (received !== sizeBytes) throw new Error(`${received} bytes came instead of ${sizeBytes}.`);
}

async function drained(answer: IncomingMessage | undefined, status: number): Promise<number> {
  let received = 0;
  for await (const chunk of answer ?? []) received += chunk.length;
  if (answer?.statusCode !== status) throw new Error(`The service answered ${answer?.statusCode}.`);
  return received;
}

/** A bucket, and who calls. */
export interface Direct {
  readonly client: S3Client;
  readonly bucket: string;
}

/** The same file by the SDK: parts of the same size, as many at once. */
export async function sendDirect({ client, bucket }: Direct, key: string, file: string): Promise<void> {
  const target = { Bucket: bucket, Key: key };
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(target));
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const numbers = Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => index + 1);
    const Parts = await pooled(numbers, partsAtOnce, async (PartNumber) => {
      const Body = await piece(handle, (PartNumber - 1) * partBytes, Math.min(size, PartNumber * partBytes));
      const { ETag } = await client.send(new UploadPartCommand({ ...target, UploadId, PartNumber, Body }));
      return { PartNumber, ETag };
    });
    await client.send(
      new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }),
    );
  } finally {
    await handle.close();
  }
}

async function piece(handle: FileHandle, from: number, to: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(to - from);
  await handle.read(bytes, 0, bytes.length, from);
  return bytes;
}

/** Small objects by the SDK. */
export async function putDirect({ client, bucket }: Direct, key: string, bytes: Buffer): Promise<void> {
  await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes }));
}

/** Reads an object by the SDK to its end. @throws when it has another length. */
export async function fetchDirect({ client, bucket }: Direct, key: string, sizeBytes: number): Promise<void> {
  const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  let received = 0;
  // In Node the body is a stream of buffers.
  for await (const chunk of Body as AsyncIterable<Buffer>) received += chunk.length;
  if (received !== sizeBytes) throw new Error(`${received} bytes came instead of ${sizeBytes}.`);
}

/** Runs `work` over all `items`, at most `atOnce` of them at a time; the answers in order. */
export async function pooled<Item, Answer>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item, index: number) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  const waiting = items.entries();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (const [index, item] of waiting) answers[index] = await work(item, index);
    }),
  );
  return answers;
}

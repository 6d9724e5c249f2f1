/** Uploads as the server offers them, and what this server can do. */

import { setTimeout as sleep } from "node:timers/promises";
import { ServiceError } from "../../errors.ts";
import { ask } from "../ask.ts";
import type { Endpoint } from "../request.ts";

/** One part of a file, to be PUT to the store. */
export interface OfferedPart {
  readonly number: number;
  readonly sizeBytes: string;
  readonly url: string | null;
  readonly isReceived: boolean;
}

/** A part that was sent, and the ETag that the store answered. */
export interface SentPart {
  readonly number: number;
  readonly etag: string;
}

/** An upload as the server tells of it. */
export interface Offer {
  readonly id: string;
  readonly url: string;
  readonly state: string;
  readonly resumableUrl?: string | null;
  readonly parts?: readonly OfferedPart[] | null;
  readonly files?: readonly { readonly path: string; readonly isReceived: boolean }[] | null;
}

/** What can be asked of a server, which may be older than this command. */
export interface Abilities {
  /** Parts that go straight to the store. */
  readonly parts: boolean;
  /** Files of a folder, declared before they are sent. */
  readonly files: boolean;
  /** tus. */
  readonly resumable: boolean;
  /** How far an upload is. */
  readonly progress: boolean;
}

interface Names {
  readonly fields?: readonly { readonly name: string }[] | null;
  readonly inputFields?: readonly { readonly name: string }[] | null;
}

/** Reads what the server can do from its schema. */
export async function abilitiesOf(at: Endpoint): Promise<Abilities> {
  const types = await ask<Readonly<Record<"upload" | "input" | "mutation" | "query", Names | null>>>(
    at,
    `{ upload: __type(name: "Upload") { fields { name } }
       input: __type(name: "CreateUploadInput") { inputFields { name } }
       mutation: __type(name: "Mutation") { fields { name } }
       query: __type(name: "Query") { fields { name } } }`,
  );
  const has = (type: keyof typeof types, name: string): boolean => {
    const { fields, inputFields } = types[type] ?? {};
    return (fields ?? inputFields ?? []).some((field) => field.name === name);
  };
  return {
    parts: has("mutation", "signUploadParts"),
    files: has("input", "files") && has("upload", "files"),
    resumable: has("upload", "resumableUrl"),
    progress: has("query", "upload"),
  };
}

const partSelection = "number sizeBytes url isReceived";

function selectionOf({ parts, files, resumable }: Abilities): string {
  return [
    "id url state",
    ...(resumable ? ["resumableUrl"] : []),
    ...(parts ? [`parts { ${partSelection} }`] : []),
    ...(files ? ["files { path isReceived }"] : []),
  ].join(" ");
}

/** Calls about uploads to one server. */
export class UploadApi {
  readonly #at: Endpoint;
  readonly can: Abilities;

  constructor(at: Endpoint, can: Abilities) {
    this.#at = at;
    this.can = can;
  }

  async create(input: object): Promise<Offer> {
    const mutation = `mutation ($input: CreateUploadInput!) { upload: createUpload(input: $input) { ${selectionOf(this.can)} } }`;
    return (await ask<{ upload: Offer }>(this.#at, mutation, { input })).upload;
  }

  /** An upload that was begun before; `undefined` when it can no longer be gone on with. */
  async find(id: string): Promise<Offer | undefined> {
    if (!this.can.progress) return undefined;
    const query = `query ($id: ID!) { upload(id: $id) { ${selectionOf(this.can)} } }`;
    try {
      const { upload } = await ask<{ upload: Offer | null }>(this.#at, query, { id });
      return upload !== null && !["USED", "EXPIRED"].includes(upload.state) ? upload : undefined;
    } catch (error) {
      const isGone = error instanceof ServiceError && ["NOT_FOUND", "UPLOAD_EXPIRED"].includes(error.code);
      if (isGone) return undefined;
      throw error;
    }
  }

  async sign(id: string, numbers: readonly number[]): Promise<readonly OfferedPart[]> {
    const mutation = `mutation ($id: ID!, $numbers: [Int!]!) { parts: signUploadParts(id: $id, numbers: $numbers) { ${partSelection} } }`;
    return (await ask<{ parts: readonly OfferedPart[] }>(this.#at, mutation, { id, numbers })).parts;
  }

  /** Until the server has verified what came, which takes as long as reading it. */
  async complete(id: string, sent: readonly SentPart[], signal: AbortSignal): Promise<void> {
    const mutation =
      "mutation ($id: ID!, $parts: [UploadPartInput!]) { upload: completeUpload(id: $id, parts: $parts) { state } }";
    const parts = sent.length === 0 ? null : sent;
    for (let pause = 200; ; pause = Math.min(2 * pause, 5000)) {
      const { upload } = await ask<{ upload: { state: string } }>(this.#at, mutation, { id, parts });
      if (upload.state !== "VERIFYING") return;
      await sleep(pause, undefined, { signal });
    }
  }
}

/**
 * The marker of a store, `_obj/identity.json`: it says which store lies at a location, so that a wrong bucket, or the empty mount point of
 * an unmounted disk, is never taken for the store. Written once, moved with the bytes, never changed.
 */

import { ServiceError } from "../errors.ts";
import type { StoreDriver } from "./contract.ts";

/** Where the marker lies in every store. */
export const markerPath = "_obj/identity.json";

/** What a marker tells. */
export interface StoreMarker {
  /** The store's id, a UUID. */
  readonly store: string;
  /** Id of the database that wrote it. */
  readonly database: string;
  /** Name of the store there. */
  readonly name: string;
}

/** A marker is a few lines; what is longer is something else. */
const maxBytes = 64 * 1024;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The marker of a store; `undefined` when it has none. @throws {STORE_UNAVAILABLE} when what lies there is no marker. */
export async function readMarker(
  driver: Pick<StoreDriver, "get">,
  signal?: AbortSignal,
): Promise<StoreMarker | undefined> {
  const got = await driver.get(markerPath, { signal });
  if (got === undefined) return undefined;
  if (got.head.sizeBytes > maxBytes) throw damaged();
  const chunks: Uint8Array[] = [];
  for await (const chunk of got.body) chunks.push(chunk);
  return parseMarker(Buffer.concat(chunks).toString("utf8"));
}

/** Reads a marker's text. @throws {STORE_UNAVAILABLE} when it is none. */
function parseMarker(text: string): StoreMarker {
  const { format, store, database, name } = objectIn(text);
  if (format === "holdfast-store" && typeof store === "string" && uuid.test(store)) {
    return {
      store,
      database: typeof database === "string" ? database : "",
      name: typeof name === "string" ? name : "",
    };
  }
  throw damaged();
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

/** Writes the marker; several services at once write the same bytes. @throws {STORE_CONFLICT} when there is one. */
export async function writeMarker(
  driver: Pick<StoreDriver, "put">,
  marker: StoreMarker,
  signal?: AbortSignal,
): Promise<void> {
  const { store, database, name } = marker;
  const about = "Which store this is. Keep it with the objects when they are moved.";
  const text = `${JSON.stringify({ format: "holdfast-store", version: 1, about, store, database, name }, null, 2)}\n`;
  const bytes = Buffer.from(text);
  async function* body(): AsyncGenerator<Uint8Array> {
    yield bytes;
  }
  await driver.put(markerPath, body(), { sizeBytes: bytes.length, signal });
}

function damaged(): ServiceError {
  return new ServiceError("STORE_UNAVAILABLE", `What lies at ${markerPath} is no marker of a store.`, {
    details: {
      field: markerPath,
      remedy:
        "Restore it from a backup of the store, or run: holdfast stores accept NAME, if the location is right.",
    },
  });
}

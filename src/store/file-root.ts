/**
 * The location of a file store: one folder, and no other for as long as the service runs. Another folder at the same path (a disk that was
 * unmounted, or mounted again) is the store only when it carries the same marker.
 */

import { ServiceError } from "../errors.ts";
import { errnoOf, fileError } from "./file-error.ts";
import { Folder, type WalkMode } from "./folder.ts";
import { markerPath } from "./identity.ts";

const maxMarkerBytes = 64 * 1024;

/** Opens the location. @throws {STORE_UNAVAILABLE} when it is missing or not the folder it was. */
export function rootOpener(location: string, walk: WalkMode): () => Promise<Folder> {
  let known: { readonly folder: string; marker: string | undefined } | undefined;
  return async () => {
    const root = await Folder.root(location, walk).catch((error: unknown) => {
      if (!["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) throw fileError(location, error);
      throw unavailable(location, "is missing", error);
    });
    try {
      const folder = await root.identity();
      if (known?.folder === folder) {
        // A marker is written once, so one that was seen is not read again.
        known.marker ??= await markerOf(root);
        return root;
      }
      const marker = await markerOf(root);
      // Another call may have been first meanwhile.
      const isSame =
        known === undefined ||
        known.folder === folder ||
        (marker !== undefined && marker === (known.marker ?? marker));
      if (!isSame) throw unavailable(location, "is another folder than it was when first used");
      known = { folder, marker };
      return root;
    } catch (error) {
      await root.close();
      throw fileError(location, error);
    }
  };
}

/** Text of the marker; `undefined` when there is none. Whether it is the right one, the service asks. */
async function markerOf(root: Folder): Promise<string | undefined> {
  const [section = "", name = ""] = markerPath.split("/");
  const folder = await root.child(section);
  if (folder === undefined) return undefined;
  try {
    const file = await folder.file(name);
    if (file === undefined) return undefined;
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(maxMarkerBytes), 0, maxMarkerBytes, 0);
      return bytesRead === 0 ? undefined : buffer.toString("latin1", 0, bytesRead);
    } finally {
      await file.close();
    }
  } finally {
    await folder.close();
  }
}

function unavailable(location: string, what: string, cause?: unknown): ServiceError {
  return new ServiceError("STORE_UNAVAILABLE", `The location ${location} of a file store ${what}.`, {
    details: {
      remedy: "Mount the volume or restore the folder; if the change is meant, restart the service.",
      value: location,
    },
    cause,
  });
}

/** A store in the memory of the process, for tests: what it holds is gone when the service ends, and the service says so. */

import { createHash, randomUUID } from "node:crypto";
import { defineDriver, storeError } from "holdfast/store";
import { checkPath, compareBytes } from "holdfast/store/path";

/** By location: drivers of one process share what lies there. */
const places = new Map();

export default defineDriver({
  protocol: "memory",
  version: 1,
  contract: 1,
  summary: "Objects in the memory of the process, for tests.",
  keys: { required: ["location"], further: ["most_bytes"] },
  open({ location, driver: { most_bytes: most = 2 ** 28 } }) {
    if (!Number.isSafeInteger(most) || most < 1) throw new Error("most_bytes is no number of bytes");
    if (!places.has(location)) places.set(location, { objects: new Map(), begun: new Map(), most });
    return memoryDriver(places.get(location));
  },
});

/** Every check and every change happen in one turn of the event loop: no one is in between. */
function memoryDriver({ objects, begun, most }) {
  const headOf = (path, { bytes, modifiedAt }) => ({ path, sizeBytes: bytes.length, modifiedAt });
  const find = (path, versionId) => (versionId === undefined ? objects.get(path) : undefined);
  const create = (path, bytes) => {
    if (objects.has(path)) throw storeError("STORE_CONFLICT", `The key ${path} exists.`);
    objects.set(path, { bytes, modifiedAt: new Date() });
    return headOf(path, objects.get(path));
  };
  return {
    protocol: "memory",
    async head(path, signal, versionId) {
      signal?.throwIfAborted();
      const found = find(checkPath(path), versionId);
      return found && headOf(path, found);
    },
    async get(path, { range, versionId, signal } = {}) {
      signal?.throwIfAborted();
      const found = find(checkPath(path), versionId);
      if (found === undefined) return undefined;
      const { start, end } = range ?? { start: 0, end: found.bytes.length };
      if (start > found.bytes.length)
        throw storeError("RANGE_NOT_SATISFIABLE", `${path} has no byte ${start}.`);
      return { head: headOf(path, found), body: inPieces(found.bytes.subarray(start, end), signal) };
    },
    async *list(prefix, { after, signal } = {}) {
      for (const path of [...objects.keys()].filter((one) => one.startsWith(prefix)).sort(compareBytes)) {
        signal?.throwIfAborted();
        const found = objects.get(path);
        if (found && (after === undefined || compareBytes(path, after) > 0)) yield headOf(path, found);
      }
      signal?.throwIfAborted();
    },
    async probe(signal) {
      signal?.throwIfAborted();
    },
    ...writesOf({ objects, find, create, most }),
    resumable: resumableOf({ objects, begun, create, headOf }),
  };
}

function writesOf({ objects, find, create, most }) {
  return {
    async put(path, body, { sizeBytes, sha256, signal } = {}) {
      signal?.throwIfAborted();
      checkPath(path);
      const bytes = await collected(body, most, signal);
      if (sizeBytes !== undefined && sizeBytes !== bytes.length)
        throw storeError("UPLOAD_MISMATCH", `${bytes.length} bytes came for ${path}, not ${sizeBytes}.`);
      if (sha256 !== undefined && sha256 !== createHash("sha256").update(bytes).digest("hex"))
        throw storeError("UPLOAD_MISMATCH", `The bytes for ${path} have another digest.`);
      return create(path, bytes);
    },
    async copy(from, to, { versionId, signal } = {}) {
      signal?.throwIfAborted();
      checkPath(to);
      const found = find(checkPath(from), versionId);
      if (found === undefined) throw storeError("OBJECT_MISSING", `There is no ${from}.`);
      return create(to, found.bytes);
    },
    async delete(path, { expiresAt, signal } = {}) {
      signal?.throwIfAborted();
      checkPath(path);
      if (expiresAt !== undefined && expiresAt.getTime() < Date.now())
        throw storeError("CONFLICT", `It is too late to delete ${path}.`);
      objects.delete(path);
    },
  };
}

function resumableOf({ objects, begun, create, headOf }) {
  const mine = ({ id, epoch, path }, least = epoch) => {
    const found = begun.get(id);
    if (found === undefined || found.epoch > epoch || found.epoch < least)
      throw storeError("OBJECT_MISSING", `What was begun for ${path} is gone, or has another writer.`);
    return found;
  };
  return {
    pieceBytes: () => 2 ** 20,
    takesShortPieces: true,
    arrivesLate: false,
    async begin(path, epoch) {
      const id = randomUUID();
      begun.set(id, { path: checkPath(path), epoch, pieces: new Map() });
      return id;
    },
    async take(unfinished) {
      mine(unfinished, 0).epoch = unfinished.epoch;
    },
    async write(unfinished, { number, bytes }) {
      mine(unfinished).pieces.set(number, Buffer.from(bytes));
      return "";
    },
    async complete(unfinished, { sizeBytes, pieces }) {
      const found = mine(unfinished);
      const bytes = Buffer.concat(pieces.map(({ number }) => found.pieces.get(number) ?? Buffer.alloc(0)));
      if (bytes.length !== sizeBytes) throw storeError("OBJECT_MISSING", `Pieces of ${found.path} are gone.`);
      const there = objects.get(found.path);
      return there?.bytes.equals(bytes) ? headOf(found.path, there) : create(found.path, bytes);
    },
    async discard({ id, path }) {
      for (const [key, one] of begun)
        if (key === id || (id === undefined && one.path === path)) begun.delete(key);
    },
  };
}

async function collected(body, most, signal) {
  const chunks = [];
  let size = 0;
  for await (const chunk of body) {
    signal?.throwIfAborted();
    size += chunk.length;
    if (size > most)
      throw storeError("LIMIT_EXCEEDED", `More than ${most} bytes are not taken.`, { limit: most });
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

async function* inPieces(bytes, signal) {
  for (let at = 0; at < bytes.length; at += 65_536) {
    signal?.throwIfAborted();
    yield bytes.subarray(at, at + 65_536);
  }
}

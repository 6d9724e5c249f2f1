/**
 * Tries on a store everything the service will ask of it, with objects of its own below `_obj/` that are gone afterwards. Each finding is one
 * line: what was tried, whether it works, and what to do when not.
 */

import { createHash, randomBytes } from "node:crypto";
import { isServiceError } from "../errors.ts";
import type { MultipartAbility, ObjectHead, Store, StoreDriver } from "./contract.ts";
import { readMarker } from "./identity.ts";

/** What one try found. */
export interface StoreFinding {
  /** `IDENTITY`, `LIST`, `PUT`, `GET`, `RANGE`, `CASE`, `CLOCK`, `CONDITIONAL`, `COPY`, `TAG`, `MULTIPART`, `DEADLINE`, `DELETE`. */
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
}

interface Trial {
  readonly driver: StoreDriver;
  /** What the paths of this verification begin with. */
  readonly prefix: string;
  readonly bytes: Buffer;
  /** Everything that was written, to be taken away. */
  readonly written: ObjectHead[];
  readonly signal: AbortSignal | undefined;
}

type Try = readonly [name: string, run: (trial: Trial) => Promise<string>];

const tries: readonly Try[] = [
  ["LIST", listed],
  ["PUT", written],
  ["GET", whole],
  ["RANGE", ranged],
  ["CASE", distinct],
  ["CLOCK", clock],
  ["CONDITIONAL", conditional],
  ["COPY", copied],
  ["TAG", tagged],
  ["MULTIPART", multipart],
  ["DEADLINE", deadline],
  ["DELETE", deleted],
];

/** Looks at everything; none throws, but for a caller that gives up. Into a place that is not the store nothing is written. */
export async function verifyStore(store: Store, signal?: AbortSignal): Promise<StoreFinding[]> {
  const { driver } = store;
  const prefix = `_obj/verify/${randomBytes(8).toString("hex")}-`;
  const trial: Trial = { driver, prefix, bytes: randomBytes(1000), written: [], signal };
  const identity = await find("IDENTITY", () => identified(store, signal));
  const findings = [identity];
  // The driver of a store that is another one does nothing at all.
  if (!identity.ok && store.identity !== undefined) return findings;
  for (const [name, run] of tries) {
    signal?.throwIfAborted();
    findings.push(await find(name, () => run(trial)));
    // Nothing more is to be learned of a store that is not there.
    if (findings.length === 2 && findings.every(({ ok }) => !ok)) break;
  }
  return findings;
}

async function identified({ driver, identity }: Store, signal: AbortSignal | undefined): Promise<string> {
  if (identity !== undefined) return identity.look(signal);
  const marker = await readMarker(driver, signal);
  return marker === undefined ? "no marker yet" : `the store ${marker.store}`;
}

async function find(name: string, run: () => Promise<string>): Promise<StoreFinding> {
  try {
    return { name, ok: true, message: await run() };
  } catch (error) {
    const remedy = isServiceError(error) ? (error.details.remedy ?? "") : "";
    const message = error instanceof Error ? error.message : String(error);
    return { name, ok: false, message: message.includes(remedy) ? message : `${message} ${remedy}` };
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function put(trial: Trial, name: string, bytes: Uint8Array): Promise<ObjectHead> {
  const head = await trial.driver.put(trial.prefix + name, once(bytes), { signal: trial.signal });
  trial.written.push(head);
  return head;
}

async function read(trial: Trial, name: string, range?: { start: number; end: number }): Promise<Buffer> {
  const { driver, prefix, signal } = trial;
  const got = await driver.get(prefix + name, { ...(range === undefined ? {} : { range }), signal });
  if (got === undefined) throw new Error("What was written is not there.");
  const chunks: Uint8Array[] = [];
  for await (const chunk of got.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function listed(trial: Trial): Promise<string> {
  for await (const { path } of trial.driver.list(trial.prefix)) throw new Error(`${path} is there already.`);
  return "objects are listed";
}

async function written(trial: Trial): Promise<string> {
  const { versionId, sha256 } = await put(trial, "object", trial.bytes);
  const proof = sha256 === undefined ? "" : "; its own SHA-256 proves each write of one request";
  if (sha256 !== undefined && sha256 !== createHash("sha256").update(trial.bytes).digest("hex"))
    throw new Error("The store tells another SHA-256 than that of what was written.");
  for await (const { path, sizeBytes } of trial.driver.list(trial.prefix)) {
    if (path === `${trial.prefix}object` && sizeBytes === trial.bytes.length)
      return versionId === undefined
        ? `written and listed; no versions are kept${proof}`
        : `written and listed; versions are kept${proof}`;
  }
  throw new Error("What was written is not listed.");
}

async function whole(trial: Trial): Promise<string> {
  if (!(await read(trial, "object")).equals(trial.bytes))
    throw new Error("Other bytes come back than were written.");
  return "the bytes come back";
}

async function ranged(trial: Trial): Promise<string> {
  const part = await read(trial, "object", { start: 100, end: 200 });
  if (!part.equals(trial.bytes.subarray(100, 200)))
    throw new Error("A range gives other bytes than it names.");
  return "ranges are exact";
}

async function distinct(trial: Trial): Promise<string> {
  const other = await trial.driver.head(`${trial.prefix}OBJECT`, trial.signal);
  if (other === undefined) return "capital and small letters differ";
  throw new Error("The store takes capital for small letters. Use a file system that tells them apart.");
}

const clockToleranceMs = 5_000;

/** Both ends of the span in which the object was written, since stores tell whole seconds and take their time. */
async function clock(trial: Trial): Promise<string> {
  const begin = Date.now();
  await put(trial, "clock", trial.bytes);
  const end = Date.now();
  const head = await trial.driver.head(`${trial.prefix}clock`, trial.signal);
  const told = head?.modifiedAt.getTime() ?? 0;
  const skewMs = told < begin ? Math.max(0, begin - told - 1000) : Math.max(0, told - end);
  if (skewMs <= clockToleranceMs) return "its clock agrees with ours";
  throw new Error(`Its clock is ${Math.round(skewMs / 1000)} s off ours. Set both by NTP.`);
}

/** Eight at once; the protocol needs none of it, but where it holds a mistake is refused. */
async function conditional(trial: Trial): Promise<string> {
  const bodies = Array.from({ length: 8 }, () => randomBytes(20_000));
  const results = await Promise.allSettled(bodies.map((body) => put(trial, "conditional", body)));
  const winners = results.flatMap(({ status }, index) => (status === "fulfilled" ? [bodies[index]] : []));
  const unforeseen = results.find(
    (result) => result.status === "rejected" && !isServiceError(result.reason, "STORE_CONFLICT"),
  );
  if (unforeseen?.status === "rejected") throw unforeseen.reason;
  const stored = await read(trial, "conditional");
  if (winners.length === 1 && winners[0]?.equals(stored)) return "atomic: of 8 creates at once one wins";
  if (!bodies.some((body) => body.equals(stored))) throw new Error("Creates at once leave mixed bytes.");
  const later = await put(trial, "conditional", trial.bytes).catch((error: unknown) => error);
  if (isServiceError(later, "STORE_CONFLICT"))
    return `advisory: of 8 creates at once ${winners.length} seem to win`;
  throw new Error("A key that has bytes is overwritten.");
}

async function copied(trial: Trial): Promise<string> {
  const { driver, prefix, bytes, signal } = trial;
  const copy = (): Promise<ObjectHead> => driver.copy(`${prefix}object`, `${prefix}copy`, { signal });
  trial.written.push(await copy());
  if (!(await read(trial, "copy")).equals(bytes)) throw new Error("A copy has other bytes.");
  const again = await copy().then(
    (head) => head,
    (error: unknown) => {
      if (isServiceError(error, "STORE_CONFLICT")) return undefined;
      throw error;
    },
  );
  if (again === undefined) return "copied within the store; a copy overwrites nothing";
  trial.written.push(again);
  throw new Error("A copy overwrites what is there.");
}

async function tagged(trial: Trial): Promise<string> {
  const { driver, prefix, signal } = trial;
  if (driver.tags === undefined) return "not offered";
  const tags = { "holdfast-verify": "yes" };
  await driver.tags.set(`${prefix}object`, tags, { signal });
  const told = await driver.tags.get(`${prefix}object`, { signal });
  if (told["holdfast-verify"] !== "yes") throw new Error("A tag is not kept.");
  return "objects take tags";
}

async function multipart(trial: Trial): Promise<string> {
  const ability = trial.driver.multipart;
  if (ability === undefined) return "not offered; bytes are sent through the service";
  const path = `${trial.prefix}multipart`;
  const id = await ability.begin(path, trial.signal);
  try {
    const message = await inParts(trial, ability, { path, id });
    trial.written.push(...(await headsOf(trial, path)));
    return message;
  } catch (error) {
    await ability.abort(path, id).catch(() => undefined);
    trial.written.push(...(await headsOf(trial, path)));
    throw error;
  }
}

async function inParts(
  trial: Trial,
  ability: MultipartAbility,
  { path, id }: { path: string; id: string },
): Promise<string> {
  const part = { number: 1, sizeBytes: trial.bytes.length, expiresInSeconds: 300 };
  const url = await ability.partUrl(path, id, part);
  const send = async (): Promise<number> => {
    // As a client would, who has neither the service's proxy nor its certificates.
    const body = new Uint8Array(trial.bytes);
    const answer = await fetch(url, { method: "PUT", body, redirect: "error" }).catch((cause: Error) => {
      const why = cause.cause instanceof Error ? cause.cause.message : cause.message;
      throw new Error(`A part URL cannot be reached as clients reach it (${why}). Take no direct uploads.`);
    });
    await answer.arrayBuffer();
    return answer.status;
  };
  const status = await send();
  if (status >= 300) throw new Error(`A signed part is refused with ${status}. Allow s3:PutObject.`);
  const parts = await ability.parts(path, id, trial.signal);
  if ((await headsOf(trial, path)).length > 0)
    throw new Error("Parts are visible before they are completed.");
  await ability.complete(path, id, {
    parts,
    ...(trial.signal === undefined ? {} : { signal: trial.signal }),
  });
  if (!(await read(trial, "multipart")).equals(trial.bytes)) throw new Error("Parts make other bytes.");
  if ((await send()) < 300)
    throw new Error("A part is taken after completion. Take no direct uploads to this store.");
  return "parts are taken until completion, none afterwards";
}

async function headsOf({ driver }: Trial, path: string): Promise<ObjectHead[]> {
  const head = await driver.head(path).catch(() => undefined);
  return head === undefined ? [] : [head];
}

async function deadline(trial: Trial): Promise<string> {
  const path = `${trial.prefix}object`;
  if (trial.driver.refusesLate === undefined) return "kept by the service itself";
  const isRefused = await trial.driver.refusesLate(path, trial.signal);
  if (isRefused && (await trial.driver.head(path)) !== undefined)
    return "a deletion that comes late is refused";
  throw new Error("A deletion that comes late is obeyed. Run no collector on this store.");
}

/** Takes away what the tries have left, each version where there are versions. */
async function deleted(trial: Trial): Promise<string> {
  const { driver, prefix, written: heads, signal } = trial;
  for (const { path, versionId } of heads) {
    await driver.delete(path, { ...(versionId === undefined ? {} : { versionId }), signal });
  }
  for await (const { path } of driver.list(prefix)) throw new Error(`${path} is still there.`);
  return "what was tried is gone";
}

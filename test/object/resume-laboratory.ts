/** Random lives of resumable uploads: requests that end, break off, lie about their bytes, die in the store; at two replicas. */

import { createHash } from "node:crypto";
import fc from "fast-check";
import { isServiceError } from "../../src/errors.ts";
import type { ResumableUploads } from "../../src/object/contract.ts";

/** One request, in parts of the whole that it has for sending. */
export interface Step {
  readonly replica: 0 | 1;
  /** Bytes that arrive. */
  readonly bytes: number;
  readonly ends: "well" | "broken" | "wrong checksum" | "checksum" | "wrong offset";
  /** Which step of the store fails during the request, if any. */
  readonly failure: number | undefined;
}

/** Steps for a file of about `sizeBytes`. */
export const steps = (sizeBytes: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      replica: fc.constantFrom(0 as const, 1 as const),
      bytes: fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: sizeBytes })),
      ends: fc.constantFrom("well", "well", "broken", "wrong checksum", "checksum", "wrong offset"),
      failure: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.integer({ min: 1, max: 4 })),
    }),
    { maxLength: 8 },
  );

/** A store whose failures are set. */
export interface Failing {
  /** The store fails at its `step`th step from now; never when undefined. */
  set(step: number | undefined): void;
}

/** Lives one life and answers the first rule that it broke. */
export async function live(
  replicas: readonly [ResumableUploads, ResumableUploads],
  { id, content, life, failing }: { id: string; content: Buffer; life: readonly Step[]; failing: Failing },
): Promise<string | undefined> {
  let offset = 0;
  for (const step of life) {
    const sent = content.subarray(offset, Math.min(offset + step.bytes, content.length - 1));
    failing.set(step.failure);
    const outcome = await request(replicas[step.replica], { id, step, offset, sent });
    failing.set(undefined);
    const after = (await replicas[step.replica === 0 ? 1 : 0].progress(id)).offset;
    const expected = judge(step, { outcome, offset, after, sent: sent.length });
    if (expected !== undefined)
      return `${JSON.stringify(step)} at ${offset}: ${outcome}, then ${after}; ${expected}`;
    offset = after;
  }
  const { offset: end } = await replicas[0].append(id, { offset, body: pieces(content.subarray(offset)) });
  return end === content.length ? undefined : `ended at ${end}`;
}

interface Asked {
  readonly id: string;
  readonly step: Step;
  readonly offset: number;
  readonly sent: Buffer;
}

async function request(uploads: ResumableUploads, { id, step, offset, sent }: Asked): Promise<string> {
  const digest = createHash("sha256")
    .update(step.ends === "wrong checksum" ? "other" : sent)
    .digest();
  const hasChecksum = step.ends.endsWith("checksum");
  try {
    const state = await uploads.append(id, {
      offset: step.ends === "wrong offset" ? offset + 1 : offset,
      body: pieces(sent, step.ends === "broken"),
      ...(hasChecksum ? { checksum: { algorithm: "sha256", digest } as const } : {}),
    });
    return `answered ${state.offset}`;
  } catch (error) {
    if (isServiceError(error)) return error.code;
    if (error instanceof Error && error.message === "broken") return "broken";
    throw error;
  }
}

async function* pieces(bytes: Buffer, breaks = false): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_000) yield bytes.subarray(at, at + 65_000);
  if (breaks) throw new Error("broken");
}

interface Seen {
  readonly outcome: string;
  readonly offset: number;
  readonly after: number;
  readonly sent: number;
}

/** Which rule a request broke. */
function judge(step: Step, { outcome, offset, after, sent }: Seen): string | undefined {
  if (outcome.startsWith("answered"))
    return outcome === `answered ${offset + sent}` && after === offset + sent
      ? undefined
      : "what was acknowledged is there";
  if (after < offset || after > offset + sent) return "offsets grow, by what was sent at most";
  if (step.ends.endsWith("checksum") || step.ends === "wrong offset") {
    if (after !== offset) return "nothing of it counts";
  }
  if (step.failure !== undefined) return undefined;
  if (step.ends === "broken" && after !== offset + sent) return "what has come is kept";
  const code = { broken: "broken", "wrong checksum": "UPLOAD_MISMATCH", "wrong offset": "CONFLICT" };
  const expected = step.ends in code ? code[step.ends as keyof typeof code] : "an answer"; // as: tested just before
  return outcome === expected ? undefined : `expected ${expected}`;
}

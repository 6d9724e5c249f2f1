/** A hundred uploads by parts of all fates, over a network that loses answers: what is acknowledged is there, and nothing else is left. */

import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { isServiceError } from "../../src/errors.ts";
import { sweepUploads } from "../../src/object/upload-sweep.ts";
import { codeOf, collect } from "../contract/store.ts";
import { create, partsLaboratory, put, sha256, writeRow } from "./support/parts-laboratory.ts";

const lab = await partsLaboratory();
const fates = ["completed", "completed", "aborted", "abandoned", "other bytes", "never sent"] as const;

/** As a client does with what may be tried again. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 20 || !isServiceError(error, "STORE_UNAVAILABLE")) throw error;
    }
  }
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

async function live(index: number): Promise<void> {
  const fate = fates[index % fates.length];
  const content = randomBytes(1000 + index);
  const upload = await patiently(() => create(lab, content, { parts: 1 }));
  const sent = Uint8Array.from(fate === "other bytes" ? randomBytes(content.length) : content);
  // The proxy may lose this too; a client sends it again.
  for (let tries = 0; fate !== "never sent" && tries < 20; tries++) {
    const status = await put(upload.parts?.[0]?.url, sent).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) break;
  }
  if (fate === "aborted") await lab.objects.uploads.abort(upload.id);
  if (fate !== "completed" && fate !== "other bytes") return refused(index, upload.id);
  const completed = patiently(() => lab.objects.uploads.complete(upload.id));
  if (fate === "other bytes") {
    expect(await codeOf(completed)).toBe("UPLOAD_MISMATCH");
    return refused(index, upload.id);
  }
  expect(await completed).toMatchObject({ state: "COMPLETE" });
  const object = await patiently(() => writeRow(lab, index, upload.id));
  const found = await lab.truth.get(object.path);
  expect(found && sha256(await collect(found.body))).toBe(sha256(content));
}

async function refused(row: number, id: string): Promise<void> {
  expect(["UPLOAD_MISMATCH", "UPLOAD_EXPIRED"]).toContain(await codeOf(writeRow(lab, row, id)));
}

test("a hundred of them", { timeout: 120_000 }, async () => {
  const random = randomFrom(7);
  lab.proxy.rule = () => {
    const chance = random();
    if (chance < 0.05) return { kind: "lostReply" };
    return chance < 0.1 ? { kind: "status", status: 503 } : undefined;
  };
  const waiting = Array.from({ length: 100 }, (_, index) => index).values();
  const lane = async (): Promise<void> => {
    for (const index of waiting) await live(index);
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  lab.proxy.rule = () => undefined;
  expect((await lab.open()).length).toBeGreaterThan(30);
  const { rows: uploads } = await lab.db.query<{ id: string }>("SELECT id FROM holdfast.upload_detail");
  for (const { id } of uploads) await lab.expire(id);
  const sweep = () => sweepUploads(lab.context, (error) => expect(error).toBeUndefined());
  while ((await sweep()) > 0);
  expect(await lab.open()).toEqual([]);
  // What became an object and no row's is condemned, and dies the normal way; rows have theirs.
  await lab.db.query("SELECT holdfast.reap()");
  const { rows } = await lab.db.query<{ path: string; held: boolean }>(
    `SELECT split_part(locator, ':', 2) AS path, condemned_at IS NULL AS held FROM holdfast.object`,
  );
  const known = new Map(rows.map(({ path, held }) => [path, held]));
  const visible = await lab.visible();
  expect(visible.filter((path) => !known.has(path))).toEqual([]);
  const held = [...known].filter(([, isHeld]) => isHeld).map(([path]) => path);
  expect(held).toHaveLength(34);
  expect(held.filter((path) => !visible.includes(path))).toEqual([]);
});

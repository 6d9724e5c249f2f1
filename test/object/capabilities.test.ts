import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { createCapabilities } from "../../src/object/capabilities.ts";
import { openCapabilityKeys } from "../../src/object/capability-keys.ts";
import type { CapabilitySubject } from "../../src/object/contract.ts";
import { codeOf } from "../contract/store.ts";
import { type Laboratory, laboratory } from "./laboratory.ts";

let lab: Laboratory;
beforeAll(async () => {
  lab = await laboratory();
});

const upload: CapabilitySubject = { kind: "upload", id: "01234567-89ab-4cde-8f01-23456789abcd" };
const subjects = fc.oneof(
  fc.record(
    {
      kind: fc.constant("object" as const),
      locator: fc.string({ unit: "grapheme" }),
      gen: fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map(String),
      isTree: fc.boolean(),
      sha256: fc
        .uint8Array({ minLength: 32, maxLength: 32 })
        .map((digest) => Buffer.from(digest).toString("hex")),
      skip: fc.nat(),
    },
    { requiredKeys: ["kind", "locator", "gen", "isTree"] },
  ),
  fc.record({
    kind: fc.constant("field" as const),
    schema: fc.string(),
    table: fc.string(),
    column: fc.string(),
    key: fc.array(fc.tuple(fc.string(), fc.string())),
  }),
  fc.record(
    {
      kind: fc.constant("derived" as const),
      locator: fc.string({ unit: "grapheme" }),
      gen: fc.nat().map(String),
      isTree: fc.boolean(),
      sha256: fc
        .uint8Array({ minLength: 32, maxLength: 32 })
        .map((digest) => Buffer.from(digest).toString("hex")),
      sizeBytes: fc.nat(),
      codec: fc.string(),
      codecArgs: fc.dictionary(fc.string(), fc.integer(), { noNullPrototype: true }),
      name: fc.string(),
      args: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
      filename: fc.string(),
    },
    { requiredKeys: ["kind", "locator", "gen", "isTree", "codec", "codecArgs", "name", "args", "filename"] },
  ),
  fc.record({ kind: fc.constant("upload" as const), id: fc.uuid() }),
);

const later = (code: () => unknown): Promise<string> => codeOf((async () => code())());

test("what is signed is verified, by every replica, in URL-safe text", async () => {
  const other = await lab.again();
  fc.assert(
    fc.property(subjects, (subject) => {
      const text = lab.objects.capabilities.sign(subject);
      expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(other.capabilities.verify(text)).toEqual(subject);
    }),
  );
});

test("any change of the text is told as absent, in every position", async () => {
  const { capabilities } = lab.objects;
  const text = capabilities.sign(upload);
  for (let at = 0; at < text.length; at++) {
    const changed = text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
    expect(await later(() => capabilities.verify(changed))).toBe("NOT_FOUND");
  }
  for (const bad of [
    "",
    "x",
    `${text}A`,
    text.slice(1),
    text.slice(0, -1),
    `${text}=`,
    `${text}\n`,
    "../../etc/passwd",
    "é",
  ]) {
    expect(await later(() => capabilities.verify(bad))).toBe("NOT_FOUND");
  }
});

test("expires after an hour, or when asked, and says when", async () => {
  const keys = await openCapabilityKeys(lab.db);
  let now = Date.UTC(2026, 0, 1);
  const capabilities = createCapabilities(keys, () => now);
  const [hour, minute, week] = [undefined, 60, 604_800].map((expiresInSeconds) =>
    capabilities.sign(upload, expiresInSeconds === undefined ? {} : { expiresInSeconds }),
  );
  now += 59_000;
  capabilities.verify(minute ?? "");
  now += 1000;
  expect(() => capabilities.verify(minute ?? "")).toThrow("2026-01-01T00:01:00.000Z");
  expect(await later(() => capabilities.verify(minute ?? ""))).toBe("FORBIDDEN");
  capabilities.verify(hour ?? "");
  now += 3_540_000;
  expect(await later(() => capabilities.verify(hour ?? ""))).toBe("FORBIDDEN");
  capabilities.verify(week ?? "");
  expect(await later(() => capabilities.sign(upload, { expiresInSeconds: 604_801 }))).toBe("LIMIT_EXCEEDED");
  for (const bad of [0, -1, 1.5, Number.NaN]) {
    expect(await later(() => capabilities.sign(upload, { expiresInSeconds: bad }))).toBe("BAD_USER_INPUT");
  }
  keys.close();
});

test("a revoked key signs and opens nothing; another takes its place", async () => {
  const keys = await openCapabilityKeys(lab.db);
  const capabilities = createCapabilities(keys);
  const before = capabilities.sign(upload);
  await lab.db.query("UPDATE holdfast.capability_key SET revoked_at = now()");
  await keys.refresh();
  expect(await later(() => capabilities.verify(before))).toBe("NOT_FOUND");
  expect(capabilities.verify(capabilities.sign(upload))).toEqual(upload);
  keys.close();
});

test("replicas that start at once agree on one first key", async () => {
  await lab.db.query("DELETE FROM holdfast.capability_key");
  const all = await Promise.all(Array.from({ length: 6 }, () => openCapabilityKeys(lab.db)));
  expect(new Set(all.map((keys) => keys.current().id)).size).toBe(1);
  for (const keys of all) keys.close();
});

test("a key made a moment ago waits until every replica knows it", async () => {
  await lab.db.query("DELETE FROM holdfast.capability_key");
  const keys = await openCapabilityKeys(lab.db);
  const first = keys.current().id;
  await lab.db.query("INSERT INTO holdfast.capability_key (secret) VALUES (decode(repeat('ab', 32), 'hex'))");
  await keys.refresh();
  expect(keys.current().id).toBe(first);
  await lab.db.query(
    "UPDATE holdfast.capability_key SET created_at = now() - interval '1 min' WHERE id > $1",
    [first],
  );
  await keys.refresh();
  expect(keys.current().id).toBeGreaterThan(first);
  keys.close();
});

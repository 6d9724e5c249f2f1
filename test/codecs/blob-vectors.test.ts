import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import blob from "../../codecs/blob.ts";
import { storedValueOf } from "../../src/codec/memory-reader.ts";
import { openEnvelope } from "../../src/format/blob-envelope.ts";
import { kindOfPacked } from "../../src/format/blob-kind.ts";
import { unpackBlob } from "../../src/format/blob-read.ts";
import { packBlob } from "../../src/format/blob-write.ts";
import { defaultDecodeLimits } from "../../src/format/decode-limits.ts";
import { fromTagged } from "../../src/format/tagged-value.ts";
import { toTagged } from "../../src/format/value-tagged.ts";
import { fixtureColumns, type Neutral, storeFile } from "../support/datajoint-fixture.ts";

interface Vector {
  readonly name: string;
  readonly value: Neutral;
  readonly packed: { readonly size: number; readonly hex?: string; readonly sha256?: string };
  readonly compressed: boolean;
  readonly deterministic: boolean;
}

const vectors: Vector[] = JSON.parse(
  readFileSync(`${import.meta.dirname}/../fixtures/datajoint/blob_vectors.json`, "utf8"),
);

/** Whole vectors; the two whose bytes the fixture gives by digest alone are checked through their values. */
const packed = vectors.flatMap((vector) =>
  vector.packed.hex === undefined
    ? []
    : [{ ...vector, bytes: new Uint8Array(Buffer.from(vector.packed.hex, "hex")) }],
);

/** As the fixture shows a value: long bytes by digest, elements of sets by their text. */
function shortened(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(shortened);
  if (typeof json !== "object" || json === null) return json;
  const plain: Record<string, unknown> = Object.fromEntries(
    Object.entries(json).map(([k, v]) => [k, shortened(v)]),
  );
  const { hex, size, items, t } = plain;
  if (typeof hex === "string" && typeof size === "number" && size > 2048) {
    const sha256 = createHash("sha256").update(Buffer.from(hex, "hex")).digest("hex");
    const { hex: _whole, ...rest } = plain;
    return { ...rest, sha256, head: hex.slice(0, 128) };
  }
  if (t === "set" && Array.isArray(items)) {
    return { ...plain, items: items.map((item) => JSON.stringify(item)).sort() };
  }
  return plain;
}

describe("blob vectors of DataJoint", () => {
  it("has every vector but the two large ones whole", () => {
    expect(vectors.length - packed.length).toBeLessThanOrEqual(2);
    expect(packed.length).toBeGreaterThan(90);
  });

  it.each(packed)("decodes $name", async ({ bytes, value }) => {
    const decoded = unpackBlob(await openEnvelope(bytes, defaultDecodeLimits));
    expect(shortened(toTagged(decoded))).toEqual(shortened(value));
    if (value.t !== "recarray") expect(kindOfPacked(bytes)).toBe(value.t);
  });

  // Characters are written as text arrays since mYm; DataJoint, too, writes them back as arrays of str.
  it.each(packed.filter((vector) => !vector.name.startsWith("a_char")))(
    "encodes $name to the same bytes",
    ({ bytes }) => {
      const decoded = unpackBlob(bytes);
      expect(Buffer.from(packBlob(decoded)).toString("hex")).toBe(Buffer.from(bytes).toString("hex"));
      expect(Buffer.from(packBlob(fromTagged(toTagged(decoded))))).toEqual(Buffer.from(bytes));
    },
  );

  it.each(vectors.filter((vector) => vector.packed.hex === undefined))(
    "rebuilds $name from its digest",
    ({ value, packed }) => {
      const size = Number(Object(value["data"])["size"]);
      const shape = value["shape"] as number[];
      const dtype = String(value["dtype"]);
      const hex = rebuilt(size, Object(value["data"])["sha256"], dtype);
      if (hex === undefined) return expect(packed.size).toBeGreaterThan(size);
      const bytes = packBlob(fromTagged({ t: "ndarray", dtype, shape, data: { size, hex } }));
      expect(createHash("sha256").update(bytes).digest("hex")).toBe(packed.sha256);
    },
  );
});

/** The elements of `numpy.zeros` or of `arange(8)` repeated, whichever has the digest. */
function rebuilt(size: number, sha256: string, dtype: string): string | undefined {
  const width = Number(dtype.at(-1));
  const zeros = Buffer.alloc(size);
  const ramp = Buffer.from(zeros);
  for (let at = 0; at < size; at += width) ramp[at] = (at / width) % 7;
  return [zeros, ramp]
    .find((bytes) => createHash("sha256").update(bytes).digest("hex") === sha256)
    ?.toString("hex");
}

const context = { field: "value", args: {}, inlineLimitBytes: 2 ** 24 };

describe("blob columns of DataJoint", () => {
  const rows = fixtureColumns("blob").flatMap((row) => {
    const bytes = row.bytes ?? ("path" in row.json ? storeFile(row.json) : undefined);
    return bytes === undefined ? [] : [{ ...row, bytes }];
  });

  it("are found in the row and in both stores", () => {
    expect(new Set(rows.map((row) => row.spec))).toEqual(new Set(["<blob>", "<blob@>", "<blob@cold>"]));
    expect(rows.length).toBeGreaterThan(100);
  });

  it.each(rows)("$table $column decodes $value.t", async ({ bytes, value, json }) => {
    const stored = storedValueOf(bytes, json);
    const tagged = await blob.fields["tagged"]?.read?.(stored, {}, context);
    expect(shortened(tagged)).toEqual(shortened(value));
    if (value.t !== "recarray") expect(await blob.fields["kind"]?.read?.(stored, {}, context)).toBe(value.t);
  });
});

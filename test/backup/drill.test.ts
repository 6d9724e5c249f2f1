/** The drill: a laboratory is backed up while it is written to and collected, and brought back elsewhere. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { labsIn } from "./support/labs.ts";

vi.setConfig({ testTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-backup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const newLab = labsIn(folder);

describe("a backup", () => {
  it("is of one moment, whatever is written meanwhile", async () => {
    await using lab = await newLab();
    for (let count = 0; count < 30; count++) await lab.write();
    const stop = { is: false };
    const writers = [1, 2].map(async () => {
      while (!stop.is) await lab.write();
    });
    const files: string[] = [];
    for (let number = 1; number <= 2; number++) {
      files.push(join(folder, `moment${number}.tar`));
      await lab.backup(files.at(-1) ?? "");
    }
    stop.is = true;
    await Promise.all(writers);
    const totals: number[] = [];
    for (const file of files) {
      await using other = await newLab(true);
      await other.restore(file);
      const { rows } = await other.db.query<{ total: number; samples: number; readings: number }>(
        "SELECT total, (SELECT count(*)::int FROM lab.sample) AS samples, (SELECT count(*)::int FROM lab.reading) AS readings FROM lab.tally",
      );
      const total = rows[0]?.total ?? 0;
      expect(rows).toEqual([{ total, samples: total, readings: 3 * total }]);
      // Rows are never changed: those that the moment has are those that the laboratory has still.
      const [theirs, ours] = [await lab.rows(total), await other.rows(total)];
      expect(ours["lab.sample"]).toEqual(theirs["lab.sample"]);
      expect(ours["lab.reading"]).toEqual(theirs["lab.reading"]);
      expect(await lab.keys()).toMatchObject(await other.keys());
      const { rows: objects } = await other.db.query<{ locator: string; digest: string }>(
        "SELECT locator, encode(sha256, 'hex') AS digest FROM holdfast.object",
      );
      expect(await other.keys()).toEqual(Object.fromEntries(objects.map((row) => [row.locator, row.digest])));
      totals.push(total);
    }
    expect(totals.toSorted((a, b) => a - b)).toEqual(totals);
    expect(totals[1]).toBeGreaterThan(totals[0] ?? 0);
  });

  it("is whole also when the collector takes objects meanwhile", async () => {
    await using lab = await newLab();
    for (let count = 0; count < 5; count++) await lab.write();
    await lab.writeTree("folder.zarr", { a: "first", "b/c": "second", d: "third" });
    const keys = await lab.keys();
    const file = join(folder, "taken.tar");
    // All rows are in the file, no object is: now everything is deleted, killed and hidden.
    await lab.backup(file, {}, async (point) => {
      if (point !== "backup.frozen") return;
      const tables = ["lab.reading", "lab.sample", 'lab."~object"', "holdfast.object"];
      await lab.db.query(tables.map((table) => `DELETE FROM ${table}`).join("; "));
      await lab.hideAll();
    });
    expect(await lab.keys()).toEqual({});
    await using other = await newLab(true);
    await other.restore(file);
    expect(await other.keys()).toEqual(keys);
  });

  it("holds equal content once", async () => {
    await using lab = await newLab();
    const content = Buffer.alloc(300_000, 7);
    await lab.write(content);
    await lab.writeCold(content);
    await lab.writeCold(content);
    const file = join(folder, "once.tar");
    expect(await lab.backup(file)).toMatchObject({ objects: 3, objectBytes: 300_000 });
    await using other = await newLab(true);
    await other.restore(file);
    expect(await other.keys()).toEqual(await lab.keys());
  });
});

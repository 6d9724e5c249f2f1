import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createFileDriver } from "../../src/store/file.ts";
import { type Laboratory, laboratory } from "../object/laboratory.ts";
import { Cemetery, Death, dieAt, withoutMove } from "./support/cemetery.ts";

let lab: Laboratory;
let cemetery: Cemetery;
beforeAll(async () => {
  lab = await laboratory();
  const { stores } = lab.objects;
  cemetery = new Cemetery(lab.db, stores, stores.get("main"));
});
beforeEach(() => cemetery.clear());

const file = "_schema/lab/item/id=1/value_abc.bin";
const tree = "_schema/lab/item/id=2/value_def";
const treeFiles = {
  [`${tree}/.zarray`]: "{}",
  [`${tree}/0.0`]: "first",
  [`${tree}/0/1`]: "second",
  [`${tree}.manifest.json`]: "{}",
};
/** What `files` are once they are hidden by the tombstone `id`. */
const trashed = (id: string, files: Readonly<Record<string, string>>, attempt = ""): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).map(([key, content]) => [`_trash/${id}${attempt}/${key}`, content]),
  );

describe("a worker that dies", () => {
  const points = [
    "claim.after",
    "hide.after-head",
    "hide.before-delete",
    "hide.delete-reply-lost",
    "hidden.before",
  ];
  const ways = [
    ["moves", (driver: Cemetery["driver"]) => driver, points],
    ["copies", withoutMove, [...points, "hide.after-copy"]],
  ] as const;
  const deaths = ways.flatMap(([name, way, known]) =>
    known.flatMap((point) => [1, 3].map((time) => [name, point, time, way] as const)),
  );

  test.each(deaths)(
    "where it %s, at %s the time %i: another one ends it as if nothing had been",
    async (...death) => {
      const [, point, time, way] = death;
      const first = await cemetery.bury(tree, treeFiles, { tree: true });
      const second = await cemetery.bury(file, { [file]: "bytes" });
      const driver = way(cemetery.driver);
      const died = await cemetery.remove({ driver, faults: dieAt(point, time) }).then(
        () => false,
        (error: unknown) => error instanceof Death,
      );
      // Some points are reached fewer times.
      expect(died || time > 1).toBe(true);
      await cemetery.expireClaims();
      await cemetery.remove({ driver });
      expect(await cemetery.keys()).toEqual({
        ...trashed(first, treeFiles),
        ...trashed(second, { [file]: "bytes" }),
      });
      expect((await cemetery.tombstones()).map(({ trash }) => JSON.parse(trash ?? "null").at)).toEqual([
        [`_trash/${first}/${tree}`],
        [`_trash/${second}/${file}`],
      ]);
    },
  );
});

describe("a store that fails at one point", () => {
  const places = ["fs.ENOSPC", "fs.EIO", "fs.EXDEV", "fs.fsync", "fs.linked", "fs.unlinked"];
  const failing = places.flatMap((point) => [
    [point, "moves", (driver: Cemetery["driver"]) => driver] as const,
    [point, "copies", withoutMove] as const,
  ]);

  test.each(failing)(
    "%s at the trash, of a store that %s: left, and hidden whole later",
    async (point, _, way) => {
      const id = await cemetery.bury(tree, treeFiles, { tree: true });
      const faults = (name: string) => {
        if (name === point) throw Object.assign(new Error(point), { code: "EIO" });
      };
      const done = await cemetery.remove({ driver: way(createFileDriver(lab.main, { faults })) });
      expect(done.hidden + done.left).toBe(1);
      await cemetery.expireClaims();
      await cemetery.remove({ driver: way(cemetery.driver) });
      expect(await cemetery.keys()).toEqual(trashed(id, treeFiles));
      expect(await cemetery.tombstones()).toMatchObject([{ hidden: true }]);
    },
  );
});

import fc from "fast-check";
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
      const single = "_schema/lab/item/id=7/value";
      const id = await cemetery.bury(tree, treeFiles, { tree: true });
      const other = await cemetery.bury(single, { [single]: "bytes" });
      const faults = (name: string) => {
        if (name === point) throw Object.assign(new Error(point), { code: "EIO" });
      };
      const done = await cemetery.remove({ driver: way(createFileDriver(lab.main, { faults })) });
      expect(done.hidden + done.left).toBe(2);
      await cemetery.expireClaims();
      await cemetery.remove({ driver: way(cemetery.driver) });
      expect(await cemetery.keys()).toEqual({
        ...trashed(id, treeFiles),
        ...trashed(other, { [single]: "bytes" }),
      });
      expect(await cemetery.tombstones()).toMatchObject([{ hidden: true }, { hidden: true }]);
    },
  );
});

describe("random killed objects, workers and deaths", () => {
  const root = "_schema/lab/item";
  const kinds = {
    file: (path: string) => ({ files: { [path]: `bytes of ${path}` }, tree: false }),
    tree: (path: string) => ({
      files: {
        [`${path}/0`]: "zero",
        [`${path}/a/b`]: "ab",
        [`${path}/a.b`]: "",
        [`${path}.manifest.json`]: "{}",
      },
      tree: true,
    }),
    peer: (path: string) => ({ files: { [`${path}/x/y`]: "xy", [`${path}/x.z`]: "xz" }, tree: false }),
    absent: () => ({ files: {}, tree: false }),
  };
  const points = [
    "claim.after",
    "hide.after-head",
    "hide.after-copy",
    "hide.before-delete",
    "hide.delete-reply-lost",
  ];
  const kind = fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[]));
  const death = fc.record({
    point: fc.constantFrom(...points, "hidden.before", "purge.after-list", "purge.after-delete"),
    time: fc.integer({ min: 1, max: 8 }),
  });

  test("end with every byte in the trash, then with none", { timeout: 300_000 }, async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(kind, { minLength: 1, maxLength: 6 }),
        fc.array(death, { maxLength: 4 }),
        fc.boolean(),
        async (objects, deaths, moves) => {
          await cemetery.clear();
          runs += 1;
          const driver = moves ? cemetery.driver : withoutMove(cemetery.driver);
          let expected: Record<string, string> = {};
          for (const [index, name] of objects.entries()) {
            // The empty folders of trees stay.
            const path = `${root}/id=${runs}-${index}/value`;
            const { files, tree: isTree } = kinds[name](path);
            const id = await cemetery.bury(path, files, { tree: isTree });
            expected = { ...expected, ...trashed(id, files) };
          }
          const settle = async (): Promise<void> => {
            for (const { point, time } of deaths) {
              // Two at once, of which one may die.
              const work = [
                cemetery.remove({ driver, faults: dieAt(point, time) }),
                cemetery.remove({ driver }),
              ];
              for (const one of await Promise.allSettled(work))
                if (one.status === "rejected" && !(one.reason instanceof Death)) throw one.reason;
              await cemetery.expireClaims();
            }
            expect(await cemetery.remove({ driver })).toMatchObject({ left: 0, warnings: [] });
          };
          await settle();
          expect(await cemetery.keys()).toEqual(expected);
          expect((await cemetery.tombstones()).every(({ hidden }) => hidden)).toBe(true);
          await cemetery.ripen();
          await settle();
          expect(await cemetery.keys()).toEqual({});
          expect(await cemetery.tombstones()).toEqual([]);
        },
      ),
      { numRuns: 40 },
    );
  });
});

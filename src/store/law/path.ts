/** Laws of paths and lists. */

import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { compareBytes } from "../path.ts";
import { codeOf, collect, law, pathsIn, type StoreLaw, text } from "./law.ts";

const names = [
  "a.txt",
  "a/b",
  "a/é",
  "a/b.c/d",
  "a-b",
  "b/a",
  "B",
  "ä",
  "\u{1f600}",
  "\uff5e",
  "b/aa",
  "b a",
];
const sorted = [...names].sort(compareBytes);

const wrongPaths: readonly (readonly [string, string])[] = [
  ["empty", ""],
  ["absolute", "/a"],
  ["ending in a slash", "a/"],
  ["with an empty segment", "a//b"],
  ["a dot", "."],
  ["two dots", ".."],
  ["with a parent segment", "a/../b"],
  ["with a dot segment", "./a"],
  ["with a backslash", "a\\b"],
  ["with a NUL", "a\u0000b"],
  ["with a line feed", "a\nb"],
  ["with half a surrogate pair", "a\ud800b"],
  ["with a long segment", "x".repeat(300)],
  ["over-long", `${"a/".repeat(600)}a`],
];

export const pathLaws: readonly StoreLaw[] = [
  law("goes in byte order of the paths, whole or after any path", async (make) => {
    const driver = await make();
    for (const name of names) await driver.put(name, text(name));
    deepStrictEqual(await pathsIn(driver), sorted);
    for (const [index, name] of sorted.entries()) {
      deepStrictEqual(await pathsIn(driver, "", name), sorted.slice(index + 1));
    }
    deepStrictEqual(
      await pathsIn(driver, "", "a/"),
      sorted.filter((name) => compareBytes(name, "a/") > 0),
    );
  }),

  law("takes the prefix as text, not as a folder", async (make) => {
    const driver = await make();
    for (const name of names) await driver.put(name, text(name));
    for (const prefix of ["a", "a/", "a/b", "b/a", "b/aa", "nothing/"]) {
      deepStrictEqual(
        await pathsIn(driver, prefix),
        sorted.filter((name) => name.startsWith(prefix)),
      );
    }
    deepStrictEqual(await pathsIn(driver, "b/", "b/a"), ["b/aa"]);
  }),

  ...wrongPaths.map(([kind, path]) =>
    law(`refuses a path that is ${kind}`, async (make) => {
      const driver = await make();
      strictEqual(await codeOf(driver.put(path, text("x"))), "BAD_USER_INPUT");
      strictEqual(await codeOf(driver.head(path)), "BAD_USER_INPUT");
      strictEqual(await codeOf(driver.get(path)), "BAD_USER_INPUT");
      strictEqual(await codeOf(driver.delete(path)), "BAD_USER_INPUT");
    }),
  ),

  law("keeps names as they are", async (make) => {
    const driver = await make();
    const nfc = "é";
    const nfd = "e\u0301";
    await driver.put(`n/${nfc}`, text("composed"));
    await driver.put(`n/${nfd}`, text("decomposed"));
    for (const name of ["subject=O'Hara", "#species", "100%", "session__trial", "~x", "a b"])
      await driver.put(`p/${name}`, text(name));
    strictEqual((await collect((await driver.get(`n/${nfd}`))?.body ?? text(""))).toString(), "decomposed");
    strictEqual((await pathsIn(driver, "p/")).length, 6);
  }),

  law("answers a probe", async (make) => {
    const driver = await make();
    await driver.probe();
  }),
];

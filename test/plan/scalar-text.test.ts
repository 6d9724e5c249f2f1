import { expect, test } from "vitest";
import { bytesText } from "../../src/plan/scalar-text.ts";

test("bytes are taken as base64, with and without its filling, and nothing else is", () => {
  expect([bytesText("QQ==", "f"), bytesText("QQ", "f"), bytesText("", "f")]).toEqual([
    "\\x41",
    "\\x41",
    "\\x",
  ]);
  // The last of these took hours.
  for (const wrong of ["Q", "Q_", "QQ==QQ==", "é", `${"=".repeat(1_000_000)}x`]) {
    expect(() => bytesText(wrong, "f")).toThrow("is not base64");
  }
});

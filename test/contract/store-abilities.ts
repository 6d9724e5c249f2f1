/** What store drivers do beyond the minimum. Call those that a driver has inside a `describe`. */

import { expect, test } from "vitest";
import type { MultipartAbility, StoreDriver } from "../../src/store/contract.ts";
import { bodyOf, codeOf, collect } from "./store.ts";

type Make = () => Promise<StoreDriver>;

export function testPresign(make: Make): void {
  test("gives a URL for one object, with the disposition it was made with and no other", async () => {
    const driver = await make();
    await driver.put("a b/é.bin", bodyOf(Buffer.from("content")));
    const disposition = 'attachment; filename="x.bin"';
    const url = (await driver.presign?.("a b/é.bin", { expiresInSeconds: 60, disposition })) ?? "";
    const answer = await fetch(url);
    expect(await answer.text()).toBe("content");
    expect(answer.headers.get("content-disposition")).toBe(disposition);
    for (const forged of [url.replace("attachment", "inline"), url.replace("a%20b", "other")]) {
      expect(forged).not.toBe(url);
      expect((await fetch(forged)).ok).toBe(false);
    }
    expect((await fetch(url, { method: "PUT", body: "other" })).ok).toBe(false);
    expect((await fetch(url, { method: "DELETE" })).ok).toBe(false);
  });

  test("refuses a URL that lives long", async () => {
    const driver = await make();
    const request = driver.presign?.("a", { expiresInSeconds: 301, disposition: "attachment" });
    expect(await codeOf(request ?? Promise.resolve())).toBe("LIMIT_EXCEEDED");
  });
}

/** `openOf`: by which prefix the store lists open uploads; not all know any but whole keys. */
export function testMultipart(make: Make, { openOf = "" }: { openOf?: "" | "key" } = {}): void {
  const begun = async (): Promise<{ driver: StoreDriver; multipart: MultipartAbility; id: string }> => {
    const driver = await make();
    const { multipart } = driver;
    if (multipart === undefined) throw new Error("The driver has no multipart uploads.");
    return { driver, multipart, id: await multipart.begin("key") };
  };
  const send = async (url: string, body: Uint8Array<ArrayBuffer>): Promise<number> => {
    const answer = await fetch(url, { method: "PUT", body });
    await answer.arrayBuffer();
    return answer.status;
  };
  const part = (number: number, sizeBytes: number) => ({ number, sizeBytes, expiresInSeconds: 60 });

  test("shows nothing before complete; afterwards part URLs are dead", async () => {
    const { driver, multipart, id } = await begun();
    const bytes = Buffer.from("the only part");
    const url = await multipart.partUrl("key", id, part(1, bytes.length));
    expect(await send(url, Buffer.from("the only PART"))).toBe(200);
    expect(await send(url, bytes)).toBe(200);
    expect(await driver.head("key")).toBeUndefined();
    const parts = await multipart.parts("key", id);
    expect(parts).toMatchObject([{ number: 1, sizeBytes: bytes.length }]);
    await multipart.complete("key", id, { parts });
    expect(await send(url, Buffer.from("other content"))).toBeGreaterThanOrEqual(400);
    const got = await driver.get("key");
    expect((await collect(got?.body ?? bodyOf(bytes))).toString()).toBe("the only part");
  });

  test("takes no part of another length, nor under another number", async () => {
    const { multipart, id } = await begun();
    const url = await multipart.partUrl("key", id, part(1, 5));
    expect(await send(url, Buffer.from("longer than five"))).toBeGreaterThanOrEqual(400);
    expect(
      await send(url.replace("partNumber=1", "partNumber=2"), Buffer.from("12345")),
    ).toBeGreaterThanOrEqual(400);
    expect(await multipart.parts("key", id)).toEqual([]);
    expect(await codeOf(multipart.partUrl("key", id, { ...part(1, 5), expiresInSeconds: 901 }))).toBe(
      "LIMIT_EXCEEDED",
    );
    await multipart.abort("key", id);
  });

  test("lists open uploads until they are aborted, which may be repeated", async () => {
    const { multipart, id } = await begun();
    const url = await multipart.partUrl("key", id, part(1, 1));
    const open = async (): Promise<string[][]> => {
      const found: string[][] = [];
      for await (const { path, uploadId } of multipart.open(openOf)) found.push([path, uploadId]);
      return found;
    };
    expect(await open()).toEqual([["key", id]]);
    await multipart.abort("key", id);
    await multipart.abort("key", id);
    expect(await open()).toEqual([]);
    expect(await send(url, Buffer.from("x"))).toBeGreaterThanOrEqual(400);
  });
}

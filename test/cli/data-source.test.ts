import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { DataSource, factsOf, livingUrl } from "../../src/cli/download/source.ts";
import { dataPath } from "../../src/object/data-path.ts";
import { openLaboratory } from "../http/laboratory.ts";

it("a URL that has expired is asked for anew, once for all who wait; one that opens nothing is not", async () => {
  const lab = await openLaboratory();
  const { url } = await lab.serve();
  const path = "_schema/lab/t/c.bin";
  await lab.stores.get("main").driver.put(
    path,
    (async function* () {
      yield Buffer.from("content");
    })(),
  );
  const mint = (expiresInSeconds: number): string => {
    const subject = { kind: "object", locator: `main:${path}`, gen: "1", isTree: false } as const;
    return url + dataPath(lab.objects.capabilities.sign(subject, { expiresInSeconds }), "c.bin");
  };
  let minted = 0;
  const source = new DataSource(
    livingUrl(mint(1), async () => {
      minted += 1;
      return mint(60);
    }),
  );
  const { signal } = new AbortController();
  expect(await (await source.ask({ signal })).text()).toBe("content");
  expect(minted).toBe(0);
  await sleep(2100);
  const answers = await Promise.all([1, 2, 3].map((end) => source.ask({ span: [0, end], signal })));
  expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(["c", "co", "con"]);
  expect(minted).toBe(1);
  const [part] = answers;
  if (part !== undefined) expect(factsOf(part)).toMatchObject({ sizeBytes: 7, etag: '"1-7"' });
  const nothing = new DataSource(
    livingUrl(`${url}/d/AAAA/c.bin`, async () => {
      minted += 1;
      return mint(60);
    }),
  );
  await expect(nothing.ask({ signal })).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(minted).toBe(1);
});

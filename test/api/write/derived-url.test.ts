import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { createDerivedFiles } from "../../../src/api/derived-files.ts";
import { openWorld } from "./world.ts";

const world = await openWorld(`
type Item @table {
  item: Int! @key
  picture: ImageFile @codec(name: "image", store: "main")
}
`);

const content = readFileSync(new URL("../../fixtures/image/rgb.png", import.meta.url)).toString("base64");
const create = (selection: string) =>
  `mutation ($input: CreateItemInput!) { createItem(input: $input) { item { picture { ${selection} } } } }`;
const input = (item: number) => ({ input: { item, picture: { base64: { content } } } });

/** The capability of a URL and the name at its end. */
function partsOf(url: string): { capability: string; name: string | undefined } {
  const [capability = "", ...rest] = new URL(url).pathname.slice("/d/".length).split("/");
  return { capability, name: rest.at(-1) };
}

test("the URL of a small copy signs the object and the wish, and is read", async () => {
  const selection =
    'thumbnailUrl(width: 3, format: "png") again: thumbnailUrl thumbnail(width: 3, format: "png") { base64 }';
  const { createItem } = await world.data(create(selection), input(1));
  const { thumbnailUrl, again, thumbnail } = createItem.item.picture;
  const { capability, name } = partsOf(thumbnailUrl);
  const subject = world.services.objects.capabilities.verify(capability);
  const wish = { width: 3, height: 256, fit: "inside", format: "png", page: 0 };
  expect(subject).toMatchObject({
    ...{ kind: "derived", codec: "image", name: "thumbnail", args: wish, isTree: false },
    ...{ locator: expect.stringMatching(/^main:_schema\/lab\/item\/item=1\/picture_.{8}\.png$/) },
    ...{ sha256: expect.stringMatching(/^[0-9a-f]{64}$/), filename: "picture-thumbnail.png" },
  });
  expect([name, partsOf(again).name]).toEqual(["picture-thumbnail.png", "picture-thumbnail.webp"]);
  const files = createDerivedFiles(world.services.codecs, world.services.objects.reader);
  if (subject.kind !== "derived") throw new Error(subject.kind);
  const made = await files.read(subject, AbortSignal.timeout(30_000));
  expect(Buffer.from(made).toString("base64")).toBe(thumbnail.base64);
});

let next = 1;
test.each([
  ["width: 0", "width"],
  ['fit: "round"', "fit"],
  ['format: "svg"', "format"],
  ["expiresIn: 0", "expiresIn"],
  ["expiresIn: 604801", "expiresIn"],
])("thumbnailUrl(%s) is refused when it is asked for", async (args, field) => {
  next += 1;
  const answer = await world.run(create(`thumbnailUrl(${args})`), input(next));
  expect(answer.errors.map(({ extensions }) => [extensions["code"], extensions["field"]])).toEqual([
    ["BAD_USER_INPUT", field],
  ]);
});

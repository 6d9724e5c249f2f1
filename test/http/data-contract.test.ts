import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { dataUrlLaws } from "../contract/data-url.ts";
import { openLaboratory } from "./laboratory.ts";

dataUrlLaws("a file store", async () => {
  const lab = await openLaboratory();
  return {
    lab,
    willBreak: async () => undefined,
    breaksNow: (path, sizeBytes) => truncate(join(lab.folder, "main", path), sizeBytes / 2 + 1),
  };
});

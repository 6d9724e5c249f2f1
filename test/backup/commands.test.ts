/** `holdfast backup` and `restore` as their users run them, ended by `kill -9` at every point. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { backupPoints } from "../../src/object/fault-points.ts";
import { graphql } from "../acceptance/support/process.ts";
import { freshDatabase } from "../support/database.ts";
import { Project } from "./support/project.ts";

// Each step is a process of its own: seconds on an idle machine, more on a busy one.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const folder = mkdtempSync(join(tmpdir(), "holdfast-backup-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const schema = `
extend schema @database(schema: "lab")
type Sample @table {
  sampleId: Int! @key
  trace: NdArray @codec(name: "npy", store: "default")
  notes: File @codec(name: "attach", store: "default")
}
`;

let lab: Project;
beforeAll(async () => {
  lab = new Project(folder, "lab", await freshDatabase());
  writeFileSync(join(lab.folder, "schema.graphql"), schema);
  expect(lab.run(["apply"])).toMatchObject({ code: 0 });
  const service = await lab.start();
  const data = Array.from({ length: 500 }, (_, index) => index / 7);
  for (let id = 1; id <= 12; id++) {
    const { errors } = await graphql(
      service.url,
      `mutation ($input: CreateSampleInput!) { createSample(input: $input) { sample { sampleId } } }`,
      {
        input: {
          sampleId: id,
          trace: { values: { dtype: "float64", shape: [500], data: data.map((value) => value * id) } },
          notes: { text: { name: "note.txt", content: `note ${id % 3}` } },
        },
      },
    );
    if (errors !== undefined) throw new Error(JSON.stringify(errors));
  }
  const { code, err } = lab.run(["backup", "running.tar"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  await service.end("SIGTERM");
});

describe("backup and restore", () => {
  it("while the service runs, then into a new project, whose service goes on with it", async () => {
    const file = join(lab.folder, "running.tar");
    const elsewhere = new Project(folder, "elsewhere", await freshDatabase());
    const checked = elsewhere.run(["--json", "restore", "--check", file]);
    expect(JSON.parse(checked.out)).toMatchObject({ objects: 15, missing: [], madeBy: "0.1.0" });
    const restored = elsewhere.run(["--json", "restore", file]);
    expect({ code: restored.code, err: restored.err }).toEqual({ code: 0, err: "" });
    expect(JSON.parse(restored.out)).toMatchObject({
      objects: 15,
      schemaFile: join(elsewhere.folder, "schema.graphql"),
    });
    expect(readFileSync(join(elsewhere.folder, "schema.graphql"), "utf8")).toBe(schema);
    expect(await elsewhere.rows("SELECT * FROM lab.sample")).toEqual(
      await lab.rows("SELECT * FROM lab.sample"),
    );
    expect(elsewhere.files()).toEqual(lab.files());
    const service = await elsewhere.start();
    const { data } = await graphql<{ samples: { nodes: { notes: { url: string } }[] } }>(
      service.url,
      "{ samples(first: 1) { nodes { notes { url } } } }",
    );
    const response = await fetch(data?.samples.nodes[0]?.notes.url ?? "");
    expect(await response.text()).toBe("note 1");
    await service.end("SIGTERM");
  });

  it("say in the table's words and codes what stands in the way", async () => {
    const { code, err } = lab.run(["backup", "running.tar", "--json"]);
    expect(code).toBe(4);
    expect(JSON.parse(err).error).toMatchObject({
      code: "CONFLICT",
      remedy: expect.stringContaining("another file"),
    });
    const again = lab.run(["restore", "running.tar", "--json"]);
    expect({ code: again.code, ...JSON.parse(again.err) }).toMatchObject({
      code: 4,
      error: { code: "CONFLICT", value: "lab" },
    });
    const cut = join(lab.folder, "cut.tar");
    writeFileSync(cut, readFileSync(join(lab.folder, "running.tar")).subarray(0, 20_000));
    const bad = lab.run(["restore", "--check", "cut.tar", "--json"]);
    expect({ code: bad.code, ...JSON.parse(bad.err) }).toMatchObject({
      code: 5,
      error: { code: "BACKUP_INVALID", file: cut },
    });
    expect(lab.run(["backup", "x.tar", "--server", "http://127.0.0.1:1"]).code).toBe(2);
    expect(lab.run(["restore", "absent.tar"]).code).toBe(3);
  });
});

describe("kill -9", () => {
  const points = backupPoints.filter((point) => point.startsWith("backup."));
  it.each(points)("at %s leaves no backup, and the next one is whole", (point) => {
    const file = `${point}.tar`;
    const { code } = lab.run(["backup", file], `${point}:kill${point === "backup.object" ? ":7" : ""}`);
    expect(code).toBe(null);
    expect(existsSync(join(lab.folder, file))).toBe(false);
    expect(lab.run(["backup", file]).code).toBe(0);
    expect(lab.run(["restore", "--check", file]).code).toBe(0);
    expect(readdirSync(lab.folder).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it("at each point of a restore, one after the other, shows nothing half-way; the last run is whole", async () => {
    const file = join(lab.folder, "running.tar");
    const other = new Project(folder, "killed", await freshDatabase());
    for (const fault of [
      "restore.reserved",
      "restore.file:kill:5",
      "restore.file:kill:9",
      "restore.before-commit",
    ]) {
      const { code } = other.run(["restore", file], fault.includes(":") ? fault : `${fault}:kill`);
      expect({ fault, code }).toEqual({ fault, code: null });
      expect(await other.rows("SELECT nspname FROM pg_namespace WHERE nspname = 'lab'")).toEqual([]);
      expect(await other.rows("SELECT locator FROM holdfast.object")).toEqual([]);
    }
    expect(other.run(["restore", file], "restore.committed:kill").code).toBe(null);
    expect(await other.rows("SELECT * FROM lab.sample")).toEqual(await lab.rows("SELECT * FROM lab.sample"));
    expect(await other.rows("SELECT * FROM holdfast.upload")).toEqual([]);
    expect(other.files()).toEqual(lab.files());
    // It is there: once more is refused, and changes nothing.
    expect(other.run(["restore", file]).code).toBe(4);
  });
});

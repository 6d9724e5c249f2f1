/** Safety, effectiveness and random runs of the collector (`test/collector`) on a real S3 server, with and without versions. */

import {
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { reportOf, runCollect, runFsck } from "../collector/proof/collecting.ts";
import { leaveGarbage } from "../collector/proof/garbage.ts";
import { contentOf, quiesce, rowsOf } from "../collector/proof/invariants.ts";
import { namesOf } from "../collector/proof/judged-store.ts";
import { playRuns } from "../collector/proof/runs.ts";
import { expectSound } from "../collector/proof/setup.ts";
import { World } from "../collector/proof/world.ts";
import { write } from "../collector/proof/writing.ts";
import { freshDatabase } from "../support/database.ts";
import { isOn, type S3Server, startS3 } from "./support/server.ts";

describe.each(["plain", "versioned"] as const)("the collector in a %s bucket", (kind) => {
  let server: S3Server;
  let world: World;
  beforeAll(async () => {
    server = await startS3({ versioned: kind === "versioned" });
    if (kind === "versioned") {
      const VersioningConfiguration = { Status: "Enabled" } as const;
      await server.client.send(
        new PutBucketVersioningCommand({ Bucket: server.bucket, VersioningConfiguration }),
      );
    }
    const { endpoint, bucket, accessKey, secretKey } = server;
    const driver = { endpoint, bucket, access_key: accessKey, secret_key: secretKey, secure: false };
    const main = { protocol: "s3", location: "lab", ...driver };
    world = await World.make(await freshDatabase(), { default: "main", main });
    world.putAnyway = async (path, bytes) => {
      await server.client.send(new PutObjectCommand({ Bucket: bucket, Key: `lab/${path}`, Body: bytes }));
    };
    if (kind === "versioned") world.forget = () => forgetVersions(server);
  });
  afterAll(async () => {
    await world.close();
    await server.close();
  });

  test("holds after grace exactly what rows refer to, versions included", { timeout: 120_000 }, async () => {
    const left = await leaveGarbage(world);
    expect(await quiesce(world)).toEqual([]);
    expect(await rowsOf(world)).toHaveLength(left.rows);
    expect(await world.paths()).toHaveLength(left.keptFiles);
    await expectSound(world);
    const referenced = new Set((await rowsOf(world)).map(({ locator }) => locator));
    const { driver } = world.plain.get("main");
    for (const section of ["_hash/", "_schema/", "_trash/"]) {
      for await (const { path } of driver.versions?.(section) ?? []) {
        const isOurs = !path.startsWith("_hash/elsewhere/");
        if (isOurs)
          expect(
            namesOf(`main:${path}`).some((name) => referenced.has(name)),
            path,
          ).toBe(true);
      }
    }
  });

  describe("from a clean start", () => {
    beforeEach(async () => {
      await world.reset();
      await world.policy({ grace: "0", keep: "30 days", drain: "30 min" });
    });

    test("loses nothing to a row that comes between scan and delete", async () => {
      const target = { table: "lab.item", id: 1, shape: "hash" } as const;
      const content = Buffer.from("dedup'd ".repeat(100));
      for (const point of ["release.before-commit", "kill.after-candidates", "hide.before-delete"]) {
        await world.reset();
        await world.policy({ grace: "0", keep: "30 days", drain: "30 min" });
        await write(await world.api(), target, content);
        await world.db.query("DELETE FROM lab.item");
        let writing: Promise<unknown> = Promise.resolve();
        const act = async (): Promise<void> => {
          writing = world.api().then((api) => write(api, target, content));
          await new Promise((resolve) => setTimeout(resolve, 300));
        };
        const { life } = await runCollect(world, {}, { interruption: { point, time: 1, act } });
        await writing;
        expect([point, life.wasInterrupted]).toEqual([point, true]);
        await runCollect(world);
        const [row] = await rowsOf(world);
        expect(await contentOf(world, row?.locator ?? "")).toBeDefined();
        await expectSound(world);
      }
    });

    test("changes nothing after a listing that failed half-way", async () => {
      const api = await world.api();
      for (let id = 1; id <= 5; id++)
        await write(api, { table: "lab.item", id, shape: "hash" }, Buffer.from(`row ${id} `.repeat(50)));
      const unknown = async function* () {
        yield Buffer.from("nobody knows these");
      };
      await world.plain.get("main").driver.put(`_hash/lab/${"z".repeat(26)}`, unknown());
      let listed = 0;
      world.judge.fault = (call) => call === "list" && ++listed >= 3;
      const report = reportOf(await runFsck(world));
      expect(report.doubts.map(({ code }) => code)).toContain("STORE");
      expect(await world.db.query("SELECT FROM holdfast.object")).toMatchObject({ rowCount: 5 });
      world.judge.fault = undefined;
      reportOf(await runFsck(world));
      expect(await world.db.query("SELECT FROM holdfast.object")).toMatchObject({ rowCount: 6 });
      await expectSound(world);
    });
  });

  // MinIO is slower, and what is looked at does not depend on it.
  test.skipIf(isOn("minio"))("breaks no invariant in random runs", { timeout: 300_000 }, async () => {
    const { failure } = await playRuns(world, { runs: 8, seed: 20_261_121, seconds: 200 });
    expect(failure).toBeUndefined();
  });
});

/** Every version and marker but of the service's own notes. */
async function forgetVersions({ client, bucket: Bucket }: S3Server): Promise<void> {
  const { Versions = [], DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket }));
  for (const { Key, VersionId } of [...Versions, ...DeleteMarkers]) {
    if (Key?.startsWith("lab/_obj/") === false)
      await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
  }
}

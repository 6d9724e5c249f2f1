import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { freshDatabase } from "../support/database.ts";

describe("startEmbedded", () => {
  it("serves PostgreSQL 18 with checksums on the loopback", async () => {
    const client = new Client({ connectionString: await freshDatabase() });
    await client.connect();
    const { rows } = await client.query(
      "SELECT current_setting('server_version') AS version, current_setting('data_checksums') AS sums",
    );
    expect(rows[0].version).toMatch(/^18\./);
    expect(rows[0].sums).toBe("on");
    await client.end();
  });
});

/**
 * PostGraphile as its production guide asks for it: Amber, its own pool with a statement timeout set once a connection, limits on planning and
 * execution. No claims and no row security, so that no request needs a transaction: its best case.
 * @source https://postgraphile.org/postgraphile/5/production, https://grafast.org/grafast/production-considerations
 */

import { Pool } from "pg";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const pool = new Pool({ connectionString: process.env["DATABASE_URL"], max: 20 });
pool.on("error", () => undefined);
pool.on("connect", (client) => {
  client.on("error", () => undefined);
  void client.query("SET statement_timeout TO 30000");
});

const preset: GraphileConfig.Preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ pool, schemas: ["speed"] })],
  grafast: { explain: false, timeouts: { planning: 500, execution: 30_000 } },
  grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false, websockets: false },
};
export default preset;

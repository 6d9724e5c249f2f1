/** The storage protocol: what keeps a committed row and its bytes together. */

import { adoptSql } from "./0001-adopt.sql.ts";
import { collectSql } from "./0001-collect.sql.ts";
import { guardSql } from "./0001-guard.sql.ts";
import { tablesSql } from "./0001-tables.sql.ts";
import { triggersSql } from "./0001-triggers.sql.ts";
import { writeSql } from "./0001-write.sql.ts";
import type { MigrationText } from "./list.ts";

export const integrity: MigrationText = {
  name: "0001-integrity",
  sql: [tablesSql, triggersSql, writeSql, adoptSql, collectSql, guardSql],
};

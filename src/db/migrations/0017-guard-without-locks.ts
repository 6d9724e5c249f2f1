/**
 * The guard, without a lock of any user's table. PostgreSQL prints an expression only under a lock of its table, so a guard that has it printed waits
 * for whoever alters one, in any schema, and all collectors with it. Here the expression is looked at as it is stored: an operator between the
 * JSON column and the constant `path` (112 97 116 104). What is stored otherwise is "column without reference", and stops the collector.
 */

import type { MigrationText } from "./list.ts";

export const guardWithoutLocks: MigrationText = {
  name: "0017-guard-without-locks",
  sql: [
    `CREATE OR REPLACE VIEW holdfast.guard AS
  WITH ref AS (SELECT r.*, c.confdeltype, c.confupdtype, c.oid AS con, to_jsonb(c) ->> 'conenforced' AS enforced FROM holdfast.reference r JOIN pg_constraint c ON c.conrelid = r.conrelid AND c.conname = r.conname)
  SELECT 'column without reference' AS problem, format('%s.%I', a.attrelid::regclass, a.attname) AS what
    FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid AND t.relkind IN ('r', 'p') AND NOT t.relispartition
    WHERE a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN ('jsonb'::regtype, 'json'::regtype) AND col_description(a.attrelid, a.attnum) ~ '^:<[^>]*@' AND col_description(a.attrelid, a.attnum) !~ '^:<filepath@'
      AND NOT EXISTS (SELECT FROM ref JOIN pg_attribute g ON g.attrelid = ref.conrelid AND g.attname = ref.col AND g.attgenerated = 's'
        JOIN pg_attrdef d ON d.adrelid = g.attrelid AND d.adnum = g.attnum WHERE ref.conrelid = a.attrelid
          AND d.adbin::text ~ (':args \\(\\{VAR :varno 1 :varattno ' || a.attnum || ' [^{}]*\\} \\{CONST [^{}]*:constvalue 8 \\[ (-?[0-9]+ ){4}112 97 116 104 \\]\\}'))
  UNION ALL SELECT 'reference with a wrong action or not enforced', format('%s.%I', conrelid::regclass, conname) FROM ref WHERE confdeltype NOT IN ('a', 'r') OR confupdtype NOT IN ('a', 'r') OR enforced = 'false'
  UNION ALL SELECT 'referential trigger disabled', format('%s.%I', conrelid::regclass, ref.conname) FROM ref JOIN pg_trigger g ON g.tgconstraint = ref.con WHERE g.tgenabled NOT IN ('O', 'A')
  UNION ALL SELECT 'child by INHERITS', i.inhrelid::regclass::text FROM pg_inherits i JOIN ref ON ref.conrelid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid WHERE NOT c.relispartition
  UNION ALL SELECT 'session not allowed', current_setting('session_replication_role') WHERE current_setting('session_replication_role') <> 'origin' OR pg_is_in_recovery();`,
  ],
};

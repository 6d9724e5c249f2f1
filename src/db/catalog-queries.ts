/** The statements of `catalog.ts`. `$1` is the list of schemas. Arrays are text[]; oids are text. */

const inSchemas = "n.nspname = ANY ($1::text[])";
const ourTables = `pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND ${inSchemas} AND c.relname NOT LIKE '~%'`;

export const schemas = `SELECT n.nspname::text AS name FROM pg_namespace n WHERE ${inSchemas}`;

export const tables = `
  SELECT c.oid::text AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
         obj_description(c.oid, 'pg_class') AS comment
  FROM ${ourTables} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition ORDER BY n.nspname, c.relname`;

export const columns = `
  SELECT a.attrelid::text AS "table", a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
         CASE t.typtype WHEN 'e' THEN tn.nspname::text END AS "enumSchema", CASE t.typtype WHEN 'e' THEN t.typname::text END AS "enumName",
         NOT a.attnotnull AS nullable, CASE a.attgenerated WHEN '' THEN pg_get_expr(d.adbin, d.adrelid) END AS "default",
         col_description(a.attrelid, a.attnum) AS comment, a.attgenerated <> '' AS generated
  FROM ${ourTables}
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY a.attrelid, a.attnum`;

export const indexes = `
  SELECT i.indrelid::text AS "table", x.relname::text AS name, i.indisunique AS unique, i.indisprimary AS "primary",
         i.indpred IS NULL AND i.indexprs IS NULL AND am.amname = 'btree' AND i.indisvalid AND i.indnatts = i.indnkeyatts AS plain,
         EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) AS "isConstraint",
         ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS key (num, at)
               JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = key.num
               WHERE key.at <= i.indnkeyatts ORDER BY key.at) AS columns
  FROM ${ourTables} JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam
  ORDER BY x.relname`;

export const foreignKeys = `
  SELECT k.conrelid::text AS "from", k.conname::text AS name, tn.nspname::text AS schema, tc.relname::text AS "table",
         ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS key (num, at)
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = key.num ORDER BY key.at) AS columns,
         ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS key (num, at)
               JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = key.num ORDER BY key.at) AS "targetColumns",
         k.confupdtype = 'c' AND k.confdeltype = 'r' AND k.convalidated AND NOT k.condeferrable AS standard
  FROM ${ourTables} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
  JOIN pg_class tc ON tc.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = tc.relnamespace ORDER BY k.conname`;

export const checks = `
  SELECT k.conrelid::text AS "table", k.conname::text AS name
  FROM ${ourTables} JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'c' ORDER BY k.conname`;

export const triggers = `
  SELECT g.tgrelid::text AS "table", g.tgname::text AS name
  FROM ${ourTables} JOIN pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal ORDER BY g.tgname`;

export const outside = `
  SELECT n.nspname::text AS schema, c.relname::text AS "table", fn.nspname::text AS "fromSchema", f.relname::text AS "fromTable", k.conname::text AS name
  FROM ${ourTables} JOIN pg_constraint k ON k.confrelid = c.oid AND k.contype = 'f' AND k.conparentid = 0
  JOIN pg_class f ON f.oid = k.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
  WHERE NOT (fn.nspname = ANY ($1::text[]) AND f.relname NOT LIKE '~%') ORDER BY 1, 2, 3, 4`;

export const enums = `
  SELECT n.nspname::text AS schema, t.typname::text AS name,
         ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder) AS labels, used.by AS users
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace AND ${inSchemas}
  LEFT JOIN (
    SELECT CASE WHEN a_type.typcategory = 'A' THEN a_type.typelem ELSE a_type.oid END AS type,
           json_agg(json_build_object('schema', un.nspname, 'table', u.relname, 'column', a.attname)) AS by
    FROM pg_attribute a JOIN pg_type a_type ON a_type.oid = a.atttypid AND (a_type.typtype = 'e' OR a_type.typcategory = 'A')
    JOIN pg_class u ON u.oid = a.attrelid AND u.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') JOIN pg_namespace un ON un.oid = u.relnamespace
    WHERE NOT a.attisdropped GROUP BY 1) used ON used.type = t.oid
  WHERE t.typtype = 'e' ORDER BY 1, 2`;

export const names = `
  SELECT n.nspname::text AS schema, c.relname::text AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND ${inSchemas}`;

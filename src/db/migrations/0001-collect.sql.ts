/** Functions of the collector, the delete worker and the reaper. */
export const collectSql = `
-- who refers to what, from the catalog
CREATE VIEW holdfast.reference AS
  SELECT c.confrelid, c.conrelid, a.attname AS col, c.conname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
  WHERE c.contype = 'f' AND c.conparentid = 0 AND (c.confrelid = 'holdfast.object'::regclass OR c.confrelid IN (SELECT conrelid FROM pg_constraint WHERE confrelid = 'holdfast.object'::regclass));
-- delete unreferenced rows of one target (a "~object" table, or holdfast.object where condemned long enough): candidates unlocked, then lock, then delete in a new statement
CREATE FUNCTION holdfast.unreferenced(target regclass) RETURNS text
  LANGUAGE sql STABLE SET search_path = pg_catalog AS $$
  SELECT coalesce(string_agg(format('NOT EXISTS (SELECT FROM %s r WHERE r.%I = o.locator)', conrelid::regclass, col), ' AND '), 'true') FROM holdfast.reference WHERE confrelid = target $$;
CREATE PROCEDURE holdfast.sweep(target regclass, cond text, lim int, INOUT n bigint)
  LANGUAGE plpgsql AS $$
DECLARE u text := holdfast.unreferenced(target); cand text[];
BEGIN
  EXECUTE format('SELECT array_agg(locator) FROM (SELECT locator FROM %s o WHERE %s AND %s ORDER BY locator LIMIT %s) s', target, cond, u, lim) INTO cand;
  EXECUTE format('SELECT array_agg(locator) FROM (SELECT locator FROM %s o WHERE locator = ANY ($1) AND %s ORDER BY locator FOR UPDATE SKIP LOCKED) s', target, cond) INTO cand USING cand;
  EXECUTE format('DELETE FROM %s o WHERE locator = ANY ($1) AND %s', target, u) USING cand;
  GET DIAGNOSTICS n = ROW_COUNT;
END $$;
-- physical deletion: claim, report, purge
CREATE FUNCTION holdfast.claim(worker text, n int, ttl interval) RETURNS SETOF holdfast.tombstone
  LANGUAGE sql AS $$
  UPDATE holdfast.tombstone SET claim_by = worker, claim_until = clock_timestamp() + ttl WHERE id IN (
    SELECT id FROM holdfast.tombstone WHERE hidden_at IS NULL AND (claim_until IS NULL OR claim_until < clock_timestamp()) ORDER BY id LIMIT n FOR UPDATE SKIP LOCKED) RETURNING * $$;
CREATE FUNCTION holdfast.hidden(tid bigint, worker text, trash_at text, keep interval) RETURNS boolean
  LANGUAGE plpgsql AS $$
BEGIN
  UPDATE holdfast.tombstone SET hidden_at = clock_timestamp(), trash = trash_at, purge_after = clock_timestamp() + keep WHERE id = tid AND claim_by = worker AND hidden_at IS NULL;
  RETURN FOUND;
END $$;
CREATE VIEW holdfast.purgeable AS SELECT t.* FROM holdfast.tombstone t LEFT JOIN holdfast.object o USING (locator)
  WHERE t.purge_after < clock_timestamp() AND (o.locator IS NULL OR o.verified_at > t.hidden_at) AND NOT EXISTS (SELECT FROM holdfast.upload u WHERE u.locator = t.locator);
-- reaper: abandoned uploads become condemned objects and die the normal way
CREATE FUNCTION holdfast.reap() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint := 0; r record;
BEGIN
  FOR r IN SELECT id, locator FROM holdfast.upload WHERE expires_at < clock_timestamp() ORDER BY locator LIMIT 1000 FOR UPDATE SKIP LOCKED LOOP
    BEGIN
      INSERT INTO holdfast.object (locator, condemned_at) VALUES (r.locator, '-infinity') ON CONFLICT DO NOTHING;
      DELETE FROM holdfast.upload WHERE id = r.id; n := n + 1;
    EXCEPTION WHEN object_in_use THEN NULL;         -- a tombstone is being worked on: next time
    END;
  END LOOP;
  RETURN n;
END $$;
`;

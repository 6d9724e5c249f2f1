/** Functions of writers: hold, reserve, publish. */
export const writeSql = `
-- slow path of a foreign writer's insert: the schema does not hold this locator yet
CREATE FUNCTION holdfast.hold_foreign(sch name, loc text) RETURNS void
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
DECLARE p text[] := string_to_array(loc, '/'); up text[];
BEGIN
  IF NOT sch::text = ANY (string_to_array(split_part(loc, ':', 2), '/')) THEN
    RAISE EXCEPTION 'schema % may not claim %', sch, loc USING ERRCODE = '42501';
  END IF;
  SELECT array_agg(array_to_string(p[1:i], '/')) INTO up FROM generate_series(1, cardinality(p) - 1) i;
  IF EXISTS (SELECT FROM holdfast.object WHERE locator = ANY (up)) OR EXISTS (SELECT FROM holdfast.object WHERE locator > loc || '/' AND locator < loc || '0') THEN
    RAISE EXCEPTION 'object % lies inside another object, or around one', loc USING ERRCODE = '22023';
  END IF;
  INSERT INTO holdfast.object (locator) VALUES (loc) ON CONFLICT (locator) DO UPDATE SET condemned_at = NULL;
  EXECUTE format('INSERT INTO %I."~object" (locator) VALUES ($1) ON CONFLICT (locator) DO UPDATE SET since = now()', sch) USING loc;
END $$;
-- service: take a hold on existing, verified bytes (dedup, clone). false = not there, upload instead
CREATE FUNCTION holdfast.hold_existing(sch name, loc text) RETURNS boolean
  LANGUAGE plpgsql SET search_path = pg_catalog SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM holdfast.object WHERE locator = loc AND verified_at IS NOT NULL AND condemned_at IS NULL FOR KEY SHARE;
  IF NOT FOUND THEN
    UPDATE holdfast.object SET condemned_at = NULL WHERE locator = loc AND verified_at IS NOT NULL;
    IF NOT FOUND THEN RETURN false; END IF;
  END IF;
  EXECUTE format('INSERT INTO %I."~object" (locator) VALUES ($1) ON CONFLICT (locator) DO UPDATE SET since = now()', sch) USING loc;
  RETURN true;
END $$;
-- service: reserve a key. NULL = somebody has it or had it: use another key
CREATE FUNCTION holdfast.reserve(loc text, ttl interval, who text DEFAULT NULL) RETURNS uuid
  LANGUAGE plpgsql SET search_path = pg_catalog SET enable_seqscan = off AS $$
DECLARE u uuid;
BEGIN
  IF EXISTS (SELECT FROM holdfast.store WHERE name = split_part(loc, ':', 1) AND gc = 'restore') THEN RETURN NULL; END IF;
  INSERT INTO holdfast.upload (locator, principal, expires_at) VALUES (loc, who, clock_timestamp() + ttl) ON CONFLICT DO NOTHING RETURNING id INTO u;
  IF u IS NOT NULL AND EXISTS (SELECT FROM holdfast.object WHERE locator = loc UNION ALL SELECT FROM holdfast.tombstone WHERE locator = loc) THEN
    DELETE FROM holdfast.upload WHERE id = u; u := NULL;
  END IF;
  RETURN u;
END $$;
-- service: commit a verified upload; returns the locator to put in the row (another one if the content is already here)
CREATE FUNCTION holdfast.publish(sch name, up uuid, dd text, tr boolean, sz bigint, sha bytea, ver text) RETURNS text
  LANGUAGE plpgsql SET search_path = pg_catalog SET enable_seqscan = off AS $$
DECLARE loc text; won text;
BEGIN
  SELECT locator INTO loc FROM holdfast.upload WHERE id = up AND expires_at > clock_timestamp() FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'upload % has expired', up USING ERRCODE = '55006'; END IF;
  IF dd IS NOT NULL THEN
    SELECT locator INTO won FROM holdfast.object WHERE dedup = dd AND verified_at IS NOT NULL;
    IF FOUND AND holdfast.hold_existing(sch, won) THEN
      UPDATE holdfast.upload SET expires_at = '-infinity' WHERE id = up;       -- own bytes go to the reaper
      RETURN won;
    END IF;
  END IF;
  INSERT INTO holdfast.object (locator, tree, size, sha256, version_id, dedup, verified_at) VALUES (loc, tr, sz, sha, ver, dd, clock_timestamp())
    ON CONFLICT (locator) DO UPDATE SET size = sz, sha256 = sha, version_id = ver, dedup = dd, verified_at = clock_timestamp(), condemned_at = NULL;
  IF EXISTS (SELECT FROM holdfast.tombstone WHERE locator = loc) THEN RAISE EXCEPTION 'key % was deleted meanwhile', loc USING ERRCODE = '55006'; END IF;
  EXECUTE format('INSERT INTO %I."~object" (locator) VALUES ($1) ON CONFLICT (locator) DO UPDATE SET since = now()', sch) USING loc;
  DELETE FROM holdfast.upload WHERE id = up;
  RETURN loc;                                   -- unique_violation on dedup: roll back, retry (the other upload has won)
END $$;
`;

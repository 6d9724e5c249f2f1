/** Triggers of holdfast.object, which carry the protocol: deletion writes the tombstone, insertion looks for one. */
export const triggersSql = `
CREATE FUNCTION holdfast.object_deleted() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO holdfast.tombstone (locator, tree, size, sha256, version_id) SELECT locator, tree, size, sha256, version_id FROM gone;
  RETURN NULL;
END $$;
CREATE TRIGGER object_deleted AFTER DELETE ON holdfast.object REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION holdfast.object_deleted();

CREATE FUNCTION holdfast.object_inserted() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET enable_seqscan = off AS $$
DECLARE d interval := (SELECT drain FROM holdfast.store WHERE name = split_part(NEW.locator, ':', 1));
BEGIN
  IF d IS NULL THEN RAISE EXCEPTION 'unknown store in %', NEW.locator USING ERRCODE = '22023'; END IF;
  DELETE FROM holdfast.tombstone WHERE locator = NEW.locator AND claim_until IS NULL;      -- nobody has started: cancel
  IF EXISTS (SELECT FROM holdfast.tombstone t WHERE t.locator = NEW.locator
             AND (NEW.verified_at IS NOT NULL OR t.hidden_at IS NULL OR t.hidden_at > clock_timestamp() - d)) THEN
    RAISE EXCEPTION 'object % is being deleted, retry later', NEW.locator USING ERRCODE = '55006';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER object_inserted AFTER INSERT ON holdfast.object
  FOR EACH ROW EXECUTE FUNCTION holdfast.object_inserted();
CREATE FUNCTION holdfast.refuse() RETURNS trigger
  LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% on % is not allowed', TG_OP, TG_RELID::regclass; END $$;
CREATE TRIGGER object_frozen BEFORE UPDATE ON holdfast.object
  FOR EACH ROW WHEN (OLD.locator IS DISTINCT FROM NEW.locator) EXECUTE FUNCTION holdfast.refuse();
CREATE TRIGGER object_no_truncate BEFORE TRUNCATE ON holdfast.object
  FOR EACH STATEMENT EXECUTE FUNCTION holdfast.refuse();
`;

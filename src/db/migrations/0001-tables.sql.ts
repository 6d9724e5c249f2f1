/** Tables of the object protocol: stores, objects, uploads, tombstones. */
export const tablesSql = String.raw`
CREATE SCHEMA IF NOT EXISTS holdfast;
CREATE TABLE holdfast.store (
  name text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[A-Za-z][A-Za-z0-9_-]{0,62}$'),
  drain interval NOT NULL DEFAULT '30 min',                   -- > longest claim + request timeout + clock slack
  is_default boolean NOT NULL DEFAULT false,
  gc text NOT NULL DEFAULT 'report' CHECK (gc IN ('off', 'report', 'on', 'restore')));
CREATE UNIQUE INDEX ON holdfast.store (is_default) WHERE is_default;
CREATE TABLE holdfast.object (
  locator text COLLATE "C" PRIMARY KEY CHECK (octet_length(locator) <= 1100
    AND locator ~ '^[A-Za-z][A-Za-z0-9_-]*:[^/[:cntrl:]\\]+(/[^/[:cntrl:]\\]+)*$' AND locator !~ '[:/]\.{1,2}(/|$)'),
  gen bigint GENERATED ALWAYS AS IDENTITY, tree boolean NOT NULL DEFAULT false,
  size bigint, sha256 bytea, version_id text, meta jsonb, dedup text COLLATE "C" UNIQUE,      -- meta: what decoding the head told, remembered
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(), verified_at timestamptz, condemned_at timestamptz,
  CHECK (dedup IS NULL OR verified_at IS NOT NULL));
CREATE INDEX object_condemned ON holdfast.object (condemned_at) WHERE condemned_at IS NOT NULL;
CREATE INDEX object_unverified ON holdfast.object (gen) WHERE verified_at IS NULL;
CREATE TABLE holdfast.upload (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), locator text COLLATE "C" NOT NULL UNIQUE,
  principal text, multipart text, expires_at timestamptz NOT NULL);
CREATE TABLE holdfast.tombstone (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, locator text COLLATE "C" NOT NULL, tree boolean NOT NULL,
  size bigint, sha256 bytea, version_id text, killed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  claim_by text, claim_until timestamptz, hidden_at timestamptz, trash text, purge_after timestamptz);
CREATE INDEX ON holdfast.tombstone (locator);
CREATE INDEX ON holdfast.tombstone (id) WHERE hidden_at IS NULL;
`;

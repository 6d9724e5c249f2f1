CREATE SCHEMA "lab";
CREATE TABLE IF NOT EXISTS "lab"."~lineage" (
"table_name" varchar(64) NOT NULL,
"attribute_name" varchar(64) NOT NULL,
"lineage" varchar(255) NOT NULL,
PRIMARY KEY ("table_name", "attribute_name")
);

CREATE TYPE "lab"."enum_e54fc739" AS ENUM ('M', 'F', 'U');

CREATE TABLE IF NOT EXISTS "lab"."#species" (
"species" varchar(40) NOT NULL,
PRIMARY KEY ("species")
);
COMMENT ON TABLE "lab"."#species" IS '';
COMMENT ON COLUMN "lab"."#species"."species" IS ':varchar(40):';
DELETE FROM "lab"."~lineage" WHERE "table_name" = '#species';
INSERT INTO "lab"."~lineage" ("table_name", "attribute_name", "lineage") VALUES ('#species', 'species', 'lab.#species.species') ON CONFLICT ("table_name", "attribute_name") DO UPDATE SET "lineage" = EXCLUDED."lineage";
SELECT holdfast.watch('"lab"."#species"'::regclass);

CREATE TABLE IF NOT EXISTS "lab"."subject" (
"subject_id" integer NOT NULL,
"name" varchar(64) NOT NULL,
"species" varchar(40) NOT NULL,
"sex" "lab"."enum_e54fc739" NOT NULL,
"birth" date DEFAULT NULL,
"weight" real DEFAULT NULL,
PRIMARY KEY ("subject_id"),
FOREIGN KEY ("species") REFERENCES "lab"."#species" ("species") ON UPDATE CASCADE ON DELETE RESTRICT
);
CREATE UNIQUE INDEX "idx_subject_name" ON "lab"."subject" ("name");
CREATE INDEX "idx_subject_species" ON "lab"."subject" ("species");
COMMENT ON TABLE "lab"."subject" IS 'A mouse, rat or fly under study.';
COMMENT ON COLUMN "lab"."subject"."subject_id" IS ':int32:';
COMMENT ON COLUMN "lab"."subject"."name" IS ':varchar(64):';
COMMENT ON COLUMN "lab"."subject"."sex" IS ':enum(''M'',''F'',''U''):';
COMMENT ON COLUMN "lab"."subject"."birth" IS ':date:';
COMMENT ON COLUMN "lab"."subject"."weight" IS ':float32:grams, \"net\" weight';
DELETE FROM "lab"."~lineage" WHERE "table_name" = 'subject';
INSERT INTO "lab"."~lineage" ("table_name", "attribute_name", "lineage") VALUES ('subject', 'subject_id', 'lab.subject.subject_id'), ('subject', 'species', 'lab.#species.species') ON CONFLICT ("table_name", "attribute_name") DO UPDATE SET "lineage" = EXCLUDED."lineage";
SELECT holdfast.watch('"lab"."subject"'::regclass);

CREATE TABLE IF NOT EXISTS "lab"."session" (
"subject_id" integer NOT NULL,
"session_idx" integer NOT NULL,
"started_at" timestamp(6) NOT NULL,
"settings" bytea DEFAULT NULL,
"notes" jsonb DEFAULT NULL,
PRIMARY KEY ("subject_id", "session_idx"),
FOREIGN KEY ("subject_id") REFERENCES "lab"."subject" ("subject_id") ON UPDATE CASCADE ON DELETE RESTRICT
);
COMMENT ON TABLE "lab"."session" IS '';
COMMENT ON COLUMN "lab"."session"."session_idx" IS ':int32:';
COMMENT ON COLUMN "lab"."session"."started_at" IS ':datetime(6):';
COMMENT ON COLUMN "lab"."session"."settings" IS ':<blob>:';
COMMENT ON COLUMN "lab"."session"."notes" IS ':<attach@main>:';
DELETE FROM "lab"."~lineage" WHERE "table_name" = 'session';
INSERT INTO "lab"."~lineage" ("table_name", "attribute_name", "lineage") VALUES ('session', 'subject_id', 'lab.subject.subject_id'), ('session', 'session_idx', 'lab.session.session_idx') ON CONFLICT ("table_name", "attribute_name") DO UPDATE SET "lineage" = EXCLUDED."lineage";
SELECT holdfast.adopt_column('"lab"."session"'::regclass, 'notes', 'main', true) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = '"lab"."session"'::regclass AND attname = '_notes_ref' AND NOT attisdropped);
SELECT holdfast.watch('"lab"."session"'::regclass);

CREATE TABLE IF NOT EXISTS "lab"."_recording" (
"subject_id" integer NOT NULL,
"session_idx" integer NOT NULL,
"traces" jsonb DEFAULT NULL,
"volume" jsonb DEFAULT NULL,
"raw" jsonb DEFAULT NULL,
PRIMARY KEY ("subject_id", "session_idx"),
FOREIGN KEY ("subject_id", "session_idx") REFERENCES "lab"."session" ("subject_id", "session_idx") ON UPDATE CASCADE ON DELETE RESTRICT
);
COMMENT ON TABLE "lab"."_recording" IS '';
COMMENT ON COLUMN "lab"."_recording"."traces" IS ':<npy@main>:';
COMMENT ON COLUMN "lab"."_recording"."volume" IS ':<object@main>:';
COMMENT ON COLUMN "lab"."_recording"."raw" IS ':<filepath@cold>:';
DELETE FROM "lab"."~lineage" WHERE "table_name" = '_recording';
INSERT INTO "lab"."~lineage" ("table_name", "attribute_name", "lineage") VALUES ('_recording', 'subject_id', 'lab.subject.subject_id'), ('_recording', 'session_idx', 'lab.session.session_idx') ON CONFLICT ("table_name", "attribute_name") DO UPDATE SET "lineage" = EXCLUDED."lineage";
SELECT holdfast.adopt_column('"lab"."_recording"'::regclass, 'traces', 'main', true) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = '"lab"."_recording"'::regclass AND attname = '_traces_ref' AND NOT attisdropped);
SELECT holdfast.adopt_column('"lab"."_recording"'::regclass, 'volume', 'main', true) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = '"lab"."_recording"'::regclass AND attname = '_volume_ref' AND NOT attisdropped);
ALTER TABLE "lab"."_recording" ADD CONSTRAINT "_holdfast_raw_path" CHECK ("raw" IS NULL OR (("raw" ->> 'path') COLLATE "C" ~ '^[^/[:cntrl:]\\]+(/[^/[:cntrl:]\\]+)*$' AND ("raw" ->> 'path') COLLATE "C" !~ '(^|/)\.{1,2}(/|$)' AND ("raw" ->> 'path') COLLATE "C" !~ '^(_hash|_schema|_trash|_obj)(/|$)') IS TRUE);
SELECT holdfast.watch('"lab"."_recording"'::regclass);

CREATE TABLE IF NOT EXISTS "lab"."_recording__unit" (
"subject_id" integer NOT NULL,
"session_idx" integer NOT NULL,
"unit" integer NOT NULL,
"waveform" jsonb DEFAULT NULL,
PRIMARY KEY ("subject_id", "session_idx", "unit"),
FOREIGN KEY ("subject_id", "session_idx") REFERENCES "lab"."_recording" ("subject_id", "session_idx") ON UPDATE CASCADE ON DELETE RESTRICT
);
COMMENT ON TABLE "lab"."_recording__unit" IS '';
COMMENT ON COLUMN "lab"."_recording__unit"."unit" IS ':int32:';
COMMENT ON COLUMN "lab"."_recording__unit"."waveform" IS ':<npy@main>:';
DELETE FROM "lab"."~lineage" WHERE "table_name" = '_recording__unit';
INSERT INTO "lab"."~lineage" ("table_name", "attribute_name", "lineage") VALUES ('_recording__unit', 'subject_id', 'lab.subject.subject_id'), ('_recording__unit', 'session_idx', 'lab.session.session_idx'), ('_recording__unit', 'unit', 'lab._recording__unit.unit') ON CONFLICT ("table_name", "attribute_name") DO UPDATE SET "lineage" = EXCLUDED."lineage";
SELECT holdfast.adopt_column('"lab"."_recording__unit"'::regclass, 'waveform', 'main', true) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = '"lab"."_recording__unit"'::regclass AND attname = '_waveform_ref' AND NOT attisdropped);
SELECT holdfast.watch('"lab"."_recording__unit"'::regclass);

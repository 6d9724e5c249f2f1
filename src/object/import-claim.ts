/** The claim on an upload that is being imported: one process has it, tells that it is alive, and how far it has come. */

import { randomUUID } from "node:crypto";
import type { Database, Transaction } from "../db/contract.ts";
import { ServiceError } from "../errors.ts";
import { expired } from "./lease.ts";
import type { UploadRecord } from "./upload-record.ts";

/** After so long without a sign of life another import may begin. */
const claimMs = 60_000;
/** How often a running import says that it is alive. */
const beatMs = 2_000;

/** A claim that is held. */
export interface ImportClaim {
  /** Aborted when the claim is lost: the database was away for too long, or the upload is gone. */
  readonly signal: AbortSignal;
  count(bytes: number): void;
  received(): number;
  /** Gives the claim back. Never throws: a claim that nobody renews ends by itself. */
  end(): Promise<void>;
}

interface ClaimRequest {
  readonly record: UploadRecord;
  readonly source: Buffer;
  readonly principal: string;
  /** Imports of one principal at a time. */
  readonly limit: number;
}

/** Claims an upload. @throws {CONFLICT} while another import of it runs, {RATE_LIMITED} when the principal has too many. */
export async function claimImport(db: Database, request: ClaimRequest): Promise<ImportClaim> {
  const claim = randomUUID();
  await db.transaction(async (transaction) => {
    await checkLimit(transaction, request);
    const { rowCount } = await transaction.query(
      `INSERT INTO holdfast.upload_import AS i (upload, source, claim, principal, claimed_until)
       VALUES ($1, $2, $3, $4, clock_timestamp() + $5::float8 * interval '1 ms')
       ON CONFLICT (upload) DO UPDATE SET source = excluded.source, claim = excluded.claim, principal = excluded.principal,
         received = 0, claimed_until = excluded.claimed_until
       WHERE i.claimed_until <= clock_timestamp()`,
      [request.record.id, request.source, claim, request.principal, claimMs],
    );
    if (rowCount !== 1) throw running(request.record);
  });
  return hold(db, request.record.id, claim);
}

/** SHA-256 of the URL that an upload was last imported from. */
export async function importedSource(db: Database, id: string): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ source: Buffer }>(
    "SELECT source FROM holdfast.upload_import WHERE upload = $1",
    [id],
  );
  return rows[0]?.source;
}

async function checkLimit(transaction: Transaction, { principal, limit }: ClaimRequest): Promise<void> {
  // Held until the claim is written: two calls at once must not both be the last one.
  await transaction.query("SELECT pg_advisory_xact_lock(hashtextextended('holdfast.import:' || $1, 0))", [
    principal,
  ]);
  const { rows } = await transaction.query<{ running: number }>(
    "SELECT count(*)::int AS running FROM holdfast.upload_import WHERE principal = $1 AND claimed_until > clock_timestamp()",
    [principal],
  );
  if ((rows[0]?.running ?? 0) < limit) return;
  const setting = "HOLDFAST_MAX_IMPORTS";
  throw new ServiceError("RATE_LIMITED", `${principal} has ${limit} imports running (${setting}).`, {
    details: { limit, setting, remedy: "Try again when one has ended." },
  });
}

function hold(db: Database, id: string, claim: string): ImportClaim {
  const lost = new AbortController();
  let received = 0;
  let renewed = Date.now();
  const beat = async (): Promise<void> => {
    const { rowCount } = await db.query(
      `UPDATE holdfast.upload_import SET received = $3, claimed_until = clock_timestamp() + $4::float8 * interval '1 ms'
       WHERE upload = $1 AND claim = $2 AND claimed_until > clock_timestamp()`,
      [id, claim, received, claimMs],
    );
    if (rowCount !== 1) lost.abort(expired());
    else renewed = Date.now();
  };
  const timer = setInterval(() => {
    beat().catch((error: unknown) => {
      // A database that is away for a moment ends nothing; at the claim's end another process may take it.
      if (Date.now() - renewed > claimMs / 2) lost.abort(error);
    });
  }, beatMs);
  timer.unref();
  return {
    signal: lost.signal,
    count: (bytes) => {
      received += bytes;
    },
    received: () => received,
    end: async () => {
      clearInterval(timer);
      const sql =
        "UPDATE holdfast.upload_import SET claimed_until = '-infinity' WHERE upload = $1 AND claim = $2";
      await db.query(sql, [id, claim]).catch(() => undefined);
    },
  };
}

function running(record: UploadRecord): ServiceError {
  return new ServiceError("CONFLICT", `The upload for ${record.field} is being imported already.`, {
    details: { field: "id", value: record.id, remedy: "Wait for it; upload(id) tells how far it is." },
  });
}

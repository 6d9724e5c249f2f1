/** What a PostgreSQL snapshot sees. @source https://www.postgresql.org/docs/18/functions-info.html (`pg_snapshot`: `xmin:xmax:xip,…`) */

/** Transactions below `xmin`, and those below `xmax` that are not in `running`, are seen. */
export interface Snapshot {
  readonly text: string;
  readonly xmin: bigint;
  readonly xmax: bigint;
  readonly running: ReadonlySet<bigint>;
}

/** Takes the text of a `pg_snapshot` apart. */
export function snapshotOf(text: string): Snapshot {
  const [xmin = "0", xmax = "0", running = ""] = text.split(":");
  const ids = running === "" ? [] : running.split(",").map(BigInt);
  return { text, xmin: BigInt(xmin), xmax: BigInt(xmax), running: new Set(ids) };
}

/** Whether the snapshot sees what the transaction did. */
export function sees({ xmin, xmax, running }: Snapshot, xid: bigint): boolean {
  return xid < xmin || (xid < xmax && !running.has(xid));
}

/** Whether `later` sees all that `earlier` sees; of two snapshots of one database one always covers the other. */
export function covers(later: Snapshot, earlier: Snapshot): boolean {
  if (later.xmax < earlier.xmax) return false;
  for (const xid of later.running) if (sees(earlier, xid)) return false;
  return true;
}

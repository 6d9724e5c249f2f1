/** Kills a service at one point of its write path and looks at what is left. Public surface only. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { createUpload, put, send, type Upload } from "./exchange.ts";
import { Place } from "./place.ts";

/** What one row was to have; everything follows from its number. */
function wanted(id: number) {
  return {
    numbers: Array.from({ length: 2000 }, (_, i) => id + i),
    // Equal in every row: one object for all.
    shared: { settings: Array.from({ length: 300 }, (_, i) => i) },
    upload: Buffer.from(`row ${id} `.repeat(30_000)),
  };
}

const createItems = `mutation ($rows: [CreateItemInput!]!) {
  createItems(rows: $rows, onConflict: SKIP) { count skipped items { itemId } }
}`;

interface Written {
  readonly createItems: { readonly count: number; readonly skipped: number };
}

/** One data folder that goes through any number of deaths. */
export class Drill {
  readonly place = new Place();
  private rows = 0;
  private isPrepared = false;
  private readonly acknowledged = new Set<number>();
  private pending: { readonly id: number; upload?: Upload } | undefined;

  /** Starts with `fault`, writes rows until the service dies of it, starts again and checks. @throws what is not as promised. */
  async round(fault: string): Promise<void> {
    if (!this.isPrepared) await this.place.prepare();
    this.isPrepared = true;
    const service = await this.place.start({ HOLDFAST_FAULT: fault });
    for (let tries = 0; tries < 6 && service.child.exitCode === null; tries++) {
      this.rows += 1;
      this.pending = { id: this.rows };
      const done = await this.write(this.pending).then(
        () => true,
        () => false,
      );
      if (!done) break;
      this.acknowledged.add(this.rows);
      this.pending = undefined;
    }
    const reached = this.pending !== undefined;
    await service.end("SIGKILL");
    if (!reached) throw new Error(`${fault} was never reached`);
    if (service.child.signalCode !== "SIGKILL")
      throw new Error(`${fault}: ended otherwise\n${service.log()}`);
    await this.place.start();
    try {
      await this.check(fault);
    } finally {
      await this.place.service.end("SIGTERM");
    }
  }

  /** An upload sent, and a row with it, an array and a shared blob. @throws when anything is not acknowledged. */
  private async write(row: { readonly id: number; upload?: Upload }): Promise<Written> {
    const { numbers, shared, upload } = wanted(row.id);
    row.upload ??= await createUpload(this.place, "bytes");
    const sent = await put(new URL(new URL(row.upload.url).pathname, this.place.url).href, upload);
    if (sent.status !== 201) throw new Error(`PUT: ${sent.status} ${sent.message}`);
    const array = { values: { dtype: "int32", shape: [numbers.length], data: numbers } };
    const input = {
      itemId: row.id,
      pictures: [],
      array,
      blob: { json: shared },
      bytes: { upload: row.upload.id },
    };
    return this.place.get<Written>(createItems, { rows: [input] });
  }

  private async check(fault: string): Promise<void> {
    const there = await this.everyRowIsWhole(fault);
    const missing = [...this.acknowledged].filter((id) => !there.has(id));
    if (missing.length > 0) throw new Error(`${fault}: acknowledged rows are missing: ${missing.join(" ")}`);
    const [lost] = (await this.place.objects()).filter(
      (locator) => !existsSync(join(this.place.store, locator.slice(locator.indexOf(":") + 1))),
    );
    if (lost !== undefined) throw new Error(`${fault}: ${lost} is registered without its bytes`);
    await this.repeat(fault, there);
  }

  /** What was not acknowledged is sent again: with its own upload where the row is absent, and with another where it is there. */
  private async repeat(fault: string, there: ReadonlySet<number>): Promise<void> {
    if (this.pending === undefined) return;
    const { id } = this.pending;
    const again = there.has(id) ? { id } : this.pending;
    const { count, skipped } = (await this.write(again)).createItems;
    if (count !== (there.has(id) ? 0 : 1) || count + skipped !== 1)
      throw new Error(`${fault}: the repeated request wrote ${count}, skipped ${skipped}`);
    this.acknowledged.add(id);
    this.pending = undefined;
    await this.everyRowIsWhole(`${fault}, after the repeated request`);
  }

  /** Reads every value of every row by its URL. Answers the rows' numbers. */
  private async everyRowIsWhole(when: string): Promise<ReadonlySet<number>> {
    const { items } = await this.place.get<{
      items: { nodes: readonly Record<"array" | "bytes" | "blob", { url: string; json: unknown }>[] };
    }>("{ items(first: 1000) { nodes { itemId array { url } bytes { url } blob { url json } } } }");
    const ids = new Set<number>();
    for (const node of items.nodes) {
      const id = Number((node as { itemId?: unknown }).itemId);
      const { numbers, shared, upload } = wanted(id);
      const bytes = async (url: string) => {
        const { status, message, bytes: body } = await send(url);
        if (status !== 200) throw new Error(`${when}: row ${id}: ${status} ${message}`);
        return body;
      };
      const array = (await bytes(node.array.url)).subarray(-4 * numbers.length);
      const same =
        array.equals(Buffer.from(Int32Array.from(numbers).buffer)) &&
        (await bytes(node.bytes.url)).equals(upload) &&
        (await bytes(node.blob.url)).length > 0 &&
        JSON.stringify(node.blob.json) === JSON.stringify(shared);
      if (!same) throw new Error(`${when}: row ${id} has other bytes than were sent`);
      ids.add(id);
    }
    return ids;
  }
}

/** Plays steps on a world and knows, in a plain table of rows, what must be true after each. */

import { createHash } from "node:crypto";
import type { CollectRequest, Decision } from "../../../src/collector/contract.ts";
import { isServiceError } from "../../../src/errors.ts";
import type { StagedObject } from "../../../src/object/contract.ts";
import { type Ended, reportOf, runCollect, runFsck, runRevive } from "./collecting.ts";
import { overOrBlocked } from "./held.ts";
import {
  age,
  catalogProblems,
  contentOf,
  guardProblems,
  quiesce,
  rowsOf,
  storeProblems,
  verifiedProblems,
} from "./invariants.ts";
import { Died, type Interruption, type Life } from "./life.ts";
import { type Cut, contents, type Failing, type Step } from "./steps.ts";
import type { ApiProcess, Table, World } from "./world.ts";
import {
  clone,
  deleteRow,
  foreignInsert,
  foreignPut,
  type Shape,
  sendTree,
  stage,
  targetOf,
  writeRow,
} from "./writing.ts";

interface Row {
  readonly locator: string;
  readonly digest: string;
  /** A foreign writer has looked before the bytes went and inserted after: until the next heal. */
  mayMiss: boolean;
}

interface Slot {
  readonly content: Buffer;
  isExpired: boolean;
}

/** What has happened in all runs together: a run in which nothing happens proves nothing. */
export class Tally {
  readonly counts = new Map<string, number>();

  add(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  get(what: string): number {
    return this.counts.get(what) ?? 0;
  }
}

/** What is not as promised. */
class Broken extends Error {
  override readonly name = "Broken";
}

const digestOf = (content: Uint8Array): string => createHash("sha256").update(content).digest("hex");
const keyOf = (table: string, id: number): string => `${table} ${id}`;

export class Play {
  readonly world: World;
  readonly tally: Tally;
  readonly rows = new Map<string, Row>();
  readonly #staged = new Map<number, Slot & { readonly object: StagedObject }>();
  readonly #uploads = new Map<number, Slot & { readonly id: string; readonly shape: Shape }>();
  readonly #foreign = new Map<number, Slot & { readonly path: string }>();
  /** What others do while a process is held; joined when that has ended. */
  #beside: Promise<void> | undefined;

  constructor(world: World, tally: Tally) {
    this.world = world;
    this.tally = tally;
  }

  /** Plays one step and looks at everything. @throws {Broken} */
  async step(step: Step): Promise<void> {
    this.tally.add(step.do);
    await this.#do(step, false);
    await this.#beside;
    this.#beside = undefined;
    this.world.judge.fault = undefined;
    await this.check();
  }

  /** Whether the step would do anything. */
  can(step: Step): boolean {
    if (step.do === "publish") return this.#staged.has(step.slot);
    if (step.do === "use" || step.do === "abort") return this.#uploads.has(step.slot);
    if (step.do === "foreignInsert") return this.#foreign.has(step.slot);
    return !["delete", "clone"].includes(step.do) || this.rows.size > 0;
  }

  /** Lets all time pass, collects, and looks whether exactly what rows need is left. @throws {Broken} */
  async end(): Promise<void> {
    this.#foreign.clear();
    const wrong = [...(await quiesce(this.world)), ...(await guardProblems(this.world))];
    if (wrong.length > 0) throw new Broken(wrong.join("\n"));
    for (const row of this.rows.values()) row.mayMiss = false;
    await this.check();
  }

  async check(): Promise<void> {
    const wrong = [
      ...(await catalogProblems(this.world)),
      ...(await verifiedProblems(this.world)),
      ...(await storeProblems(this.world)),
      ...(await this.#rowProblems()),
    ];
    if (wrong.length > 0) throw new Broken(wrong.join("\n"));
  }

  /** I1, I2: the rows are the plain table's, and each finds its bytes. */
  async #rowProblems(): Promise<string[]> {
    const wrong: string[] = [];
    const seen = new Set<string>();
    for (const { table, id, locator } of await rowsOf(this.world)) {
      const key = keyOf(table, id);
      seen.add(key);
      const row = this.rows.get(key);
      if (row?.locator !== locator) wrong.push(`${key} has ${locator}, not ${row?.locator}`);
      if (row === undefined) continue;
      const digest = await contentOf(this.world, locator);
      if (digest === row.digest) row.mayMiss = false;
      else if (digest !== undefined || !row.mayMiss)
        wrong.push(`I1: ${key}: ${locator} ${digest === undefined ? "has no bytes" : "has other bytes"}`);
    }
    for (const key of this.rows.keys()) if (!seen.has(key)) wrong.push(`${key} is missing`);
    return wrong;
  }

  async #do(step: Step, isBeside: boolean): Promise<void> {
    switch (step.do) {
      case "write":
        return this.#write(step, isBeside);
      case "stage":
        return this.#stage(step, isBeside);
      case "publish":
        return this.#publish(step.slot, step.to);
      case "delete":
        return this.#delete(step.pick);
      case "clone":
        return this.#clone(step.pick, step.to);
      case "foreignPut":
        return this.#foreignPut(step.slot, step.content);
      case "foreignInsert":
        return this.#foreignInsert(step.slot, step.to);
      case "upload":
        return this.#upload(step);
      case "use":
        return this.#use(step.slot, step.to);
      case "abort":
        return this.#abort(step.slot);
      case "age":
        return this.#age(step.what);
      case "grace":
        return this.world.policy({ grace: step.none ? "0" : "7 days", keep: "30 days", drain: "30 min" });
      case "dryRun":
        return this.#dryRun();
      case "late":
        return this.#late(step.to, step.content);
      default:
        return this.#process(step);
    }
  }

  /** A piece of work of the API: it ends, dies, or is refused; then the row is as it was, or as it was to be. */
  async #apiWork(
    key: string,
    content: Buffer,
    { may, cut }: { readonly may: readonly string[]; readonly cut?: Cut | undefined },
    work: (api: ApiProcess) => Promise<string>,
  ): Promise<void> {
    const api = await this.world.api(cut && this.#interruption(cut));
    try {
      const locator = await work(api);
      this.rows.set(key, { locator, digest: digestOf(content), mayMiss: false });
    } catch (error) {
      if (error instanceof Broken) throw error;
      const code = isServiceError(error) ? error.code : error instanceof Died ? "died" : undefined;
      if (code === undefined || !(may.includes(code) || api.life.isDead)) throw error;
      this.tally.add(api.life.isDead ? "api died" : `refused: ${code}`);
      await api.life.settled();
      await this.#learn(key, content);
    }
    this.#note(api.life);
  }

  /** After an unknown outcome: the row is the old one, or one with the new content. */
  async #learn(key: string, content: Buffer): Promise<void> {
    const seen = (await rowsOf(this.world)).find(({ table, id }) => keyOf(table, id) === key);
    const old = this.rows.get(key);
    if (seen === undefined || seen.locator === old?.locator) return;
    if ((await contentOf(this.world, seen.locator)) !== digestOf(content))
      throw new Broken(`${key} was left with ${seen.locator}, which has other bytes`);
    this.rows.set(key, { locator: seen.locator, digest: digestOf(content), mayMiss: false });
  }

  async #write(step: Step & { do: "write" }, isBeside: boolean): Promise<void> {
    const content = contentAt(step.content);
    const target = { table: "lab.item" as const, id: step.to, shape: step.shape };
    // Beside a collector that has locked the content's object it may have to wait too long, or find it gone.
    const may = isBeside ? ["REFERENCE_CHANGED", "CONFLICT", "DATABASE_UNAVAILABLE", "OBJECT_BUSY"] : [];
    await this.#apiWork(keyOf("lab.item", step.to), content, { may, cut: step.cut }, async (api) =>
      writeRow(api, target, await stage(api, target, content)),
    );
  }

  async #stage(step: Step & { do: "stage" }, isBeside: boolean): Promise<void> {
    const content = contentAt(step.content);
    const api = await this.world.api();
    const target = { table: "lab.item" as const, id: 0, shape: step.shape };
    try {
      const object = await stage(api, target, content);
      this.#staged.set(step.slot, { content, object, isExpired: false });
    } catch (error) {
      if (!isBeside || !isServiceError(error)) throw error;
      this.tally.add(`refused: ${error.code}`);
    }
  }

  /** Refused when its lease is over (I8), or what it wanted to hold has gone. */
  async #publish(slot: number, to: number): Promise<void> {
    const staged = this.#staged.get(slot);
    if (staged === undefined) return;
    this.#staged.delete(slot);
    const key = keyOf("lab.item", to);
    const may = ["REFERENCE_CHANGED", "UPLOAD_EXPIRED", "CONFLICT", "OBJECT_BUSY"];
    await this.#apiWork(key, staged.content, { may }, async (api) => {
      const locator = await writeRow(api, { table: "lab.item", id: to }, staged.object);
      if (staged.isExpired && locator === staged.object.locator && staged.object.uploadId !== undefined)
        throw new Broken(`I8: ${locator} was published after its lease`);
      this.tally.add("published");
      return locator;
    });
  }

  async #delete(pick: number): Promise<void> {
    const key = this.#picked(pick);
    if (key === undefined) return;
    const [table, id] = parse(key);
    await deleteRow(this.world, table, id);
    this.rows.delete(key);
  }

  async #clone(pick: number, to: number): Promise<void> {
    const key = this.#picked(pick);
    if (key === undefined) return;
    const [table, id] = parse(key);
    const source = this.rows.get(key);
    const target = { table: "proj.item" as const, id: to };
    const isDone = await clone(this.world, { table, id }, target);
    this.tally.add(isDone ? "cloned" : "clone refused");
    // Only what was verified is cloned: no row of the service may miss its bytes, whoever wrote them.
    if (isDone && source !== undefined) this.rows.set(keyOf(target.table, to), { ...source, mayMiss: false });
    else if (table !== "peer.item") throw new Broken(`${key} could not be cloned`);
  }

  async #foreignPut(slot: number, content: number): Promise<void> {
    const bytes = contentAt(content);
    const path = await foreignPut(this.world, bytes);
    this.#foreign.set(slot, { content: bytes, path, isExpired: false });
  }

  /** Refused while its key is being deleted: it has to begin again. */
  async #foreignInsert(slot: number, to: number): Promise<void> {
    const pending = this.#foreign.get(slot);
    if (pending === undefined) return;
    this.#foreign.delete(slot);
    const locator = `main:${pending.path}`;
    try {
      await foreignInsert(this.world, to, pending.path);
    } catch (error) {
      if (!isServiceError(error)) throw error;
      this.tally.add("foreign refused");
      return;
    }
    const isThere = (await contentOf(this.world, locator)) !== undefined;
    this.tally.add(isThere ? "foreign inserted" : "foreign inserted without bytes");
    this.rows.set(keyOf("peer.item", to), { locator, digest: digestOf(pending.content), mayMiss: !isThere });
  }

  async #late(to: number, content: number): Promise<void> {
    const bytes = contentAt(content);
    const locator = `main:${await foreignPut(this.world, bytes)}`;
    // While others need the bytes nothing goes.
    const isNeeded = [...this.rows.values()].some((row) => row.locator === locator);
    const key = keyOf("peer.item", to);
    if (!isNeeded && !this.rows.has(key)) {
      await foreignInsert(this.world, to, locator.slice("main:".length)).catch(() => undefined);
      await deleteRow(this.world, "peer.item", to);
      await this.#drainAll();
    }
    this.#foreign.set(0, { content: bytes, path: locator.slice("main:".length), isExpired: false });
    await this.#foreignInsert(0, to);
  }

  async #drainAll(): Promise<void> {
    for (const what of ["grace", "claims"] as const) await age(this.world, what);
    reportOf(await runFsck(this.world));
    reportOf(await runCollect(this.world));
    await age(this.world, "grace");
    reportOf(await runCollect(this.world));
    await age(this.world, "drain");
  }

  async #upload(step: Step & { do: "upload" }): Promise<void> {
    const api = await this.world.api();
    const { uploads } = api.objects;
    const content = contentAt(step.content);
    const isTree = step.shape === "tree";
    const { id } = await uploads.create({
      target: targetOf("lab.item", 0, step.shape),
      field: "Item.value",
      kind: isTree ? "TREE" : "FILE",
      filename: "f",
    });
    if (step.until !== "created" && isTree) await sendTree(api, id, content);
    else if (step.until !== "created") await uploads.receive(id, bytesOf(content), {});
    if (step.until !== "complete") return;
    await uploads.complete(id);
    this.#uploads.set(step.slot, { id, content, shape: step.shape, isExpired: false });
  }

  async #use(slot: number, to: number): Promise<void> {
    const upload = this.#uploads.get(slot);
    if (upload === undefined) return;
    this.#uploads.delete(slot);
    const may = ["UPLOAD_EXPIRED", "REFERENCE_CHANGED", "CONFLICT", "NOT_FOUND", "OBJECT_BUSY"];
    await this.#apiWork(keyOf("lab.item", to), upload.content, { may }, async (api) => {
      const request = targetOf("lab.item", 0, upload.shape);
      const staged = await api.objects.writer.stageUpload(upload.id, request);
      const locator = await writeRow(api, { table: "lab.item", id: to }, staged);
      if (upload.isExpired && locator === staged.locator && staged.uploadId !== undefined)
        throw new Broken(`I8: ${locator} was published after its lease`);
      this.tally.add("upload used");
      return locator;
    });
  }

  async #abort(slot: number): Promise<void> {
    const upload = this.#uploads.get(slot);
    if (upload === undefined) return;
    this.#uploads.delete(slot);
    const api = await this.world.api();
    await api.objects.uploads.abort(upload.id);
  }

  async #age(what: (Step & { do: "age" })["what"]): Promise<void> {
    await age(this.world, what);
    if (what === "leases") {
      for (const slot of this.#staged.values()) slot.isExpired = true;
      for (const slot of this.#uploads.values()) slot.isExpired = true;
    }
    // A foreign transaction that is slower than the trash is kept is promised nothing.
    if (what === "keep") this.#foreign.clear();
  }

  /** I14. */
  async #dryRun(): Promise<void> {
    const told = async (apply: boolean): Promise<string[]> => {
      const decisions: Decision[] = [];
      const onDecision = (decision: Decision): void => void decisions.push(decision);
      const request: Partial<CollectRequest> = { apply, onDecision };
      reportOf(await runCollect(this.world, request));
      const compared = ["release", "condemn", "clear", "kill"];
      return decisions
        .filter(({ step }) => compared.includes(step))
        .map(({ step, locator }) => `${step} ${locator}`)
        .sort();
    };
    const [dry, wet] = [await told(false), await told(true)];
    this.tally.add("decisions compared", dry.length);
    if (dry.join() !== wet.join()) throw new Broken(`I14: told ${dry.join(", ")}; did ${wet.join(", ")}`);
  }

  async #process(step: Step & { do: "collect" | "fsck" | "revive" }): Promise<void> {
    const interruption = step.cut && this.#interruption(step.cut);
    const failing = "failing" in step ? step.failing : undefined;
    const before = failing !== undefined && step.do === "fsck" ? await this.#objects() : undefined;
    this.world.judge.isListingBroken = false;
    if (failing !== undefined)
      this.world.judge.fault = failingCalls(failing, () => this.tally.add("store failed"));
    const ended = await this.#run(step, interruption);
    this.#note(ended.life);
    if ("died" in ended) this.tally.add("collector died");
    // A listing that has failed is told, and adopts nothing.
    if (
      before !== undefined &&
      this.world.judge.isListingBroken &&
      "report" in ended &&
      step.cut === undefined
    ) {
      const after = await this.#objects();
      const { doubts = [] } = ended.report as { readonly doubts?: readonly { readonly code: string }[] };
      // That nothing is verified yet is a doubt too, and no listing's.
      if (doubts.some(({ code }) => code === "STORE") && after.length > before.length)
        throw new Broken("I11: a listing that failed has adopted");
    }
  }

  async #objects(): Promise<readonly unknown[]> {
    return (await this.world.db.query("SELECT locator FROM holdfast.object")).rows;
  }

  #run(
    step: Step & { do: "collect" | "fsck" | "revive" },
    interruption: Interruption | undefined,
  ): Promise<Ended<unknown>> {
    if (step.do === "collect") return runCollect(this.world, {}, { interruption });
    if (step.do === "fsck") return runFsck(this.world, { scrub: step.scrub }, { interruption });
    return this.#revive(step.pick, interruption);
  }

  async #revive(pick: number, interruption: Interruption | undefined): Promise<Ended<unknown>> {
    const { rows } = await this.world.db.query<{ locator: string }>(
      "SELECT locator FROM holdfast.object UNION SELECT locator FROM holdfast.tombstone ORDER BY 1",
    );
    const locator = rows[pick % Math.max(1, rows.length)]?.locator ?? "main:_hash/lab/never";
    const ended = await runRevive(this.world, [locator], { interruption });
    if ("died" in ended) return ended;
    const outcome = ended.report[0]?.outcome ?? "nothing";
    this.tally.add(`revive: ${outcome}`);
    const isAlone = interruption === undefined;
    if (isAlone && outcome === "revived" && (await contentOf(this.world, locator)) === undefined)
      throw new Broken(`${locator} was revived without its bytes`);
    return ended;
  }

  #interruption(cut: Cut): Interruption {
    const { point, time, act } = cut;
    if (act === "die") return { point, time, act };
    return {
      point,
      time,
      act: async () => {
        this.tally.add("held");
        const doing = this.#do(act, true);
        this.#beside = doing;
        await overOrBlocked(this.world, doing);
      },
    };
  }

  #note(life: Life): void {
    for (const [point, times] of life.hits) this.tally.add(`at ${point}`, times);
  }

  #picked(pick: number): string | undefined {
    const keys = [...this.rows.keys()].sort();
    return keys[pick % Math.max(1, keys.length)];
  }
}

function contentAt(index: number): Buffer {
  return contents[index] ?? Buffer.alloc(0);
}

async function* bytesOf(content: Buffer): AsyncGenerator<Uint8Array> {
  yield content;
}

function parse(key: string): readonly [Table, number] {
  const [table, id] = key.split(" ");
  return [table as Table, Number(id)];
}

function failingCalls({ call, time, lost: isLost, stays }: Failing, note: () => void) {
  let calls = 0;
  // A listing has many answers, and fails at one of them.
  const lost = isLost && call !== "list";
  return (made: string, path: string): boolean | "lost" => {
    if (made !== call || path.startsWith("_obj/")) return false;
    calls += 1;
    // `lost` is asked a second time for the same call, after it was made.
    const due = lost ? Math.ceil(calls / 2) : calls;
    if (!(stays ? due >= time : due === time)) return false;
    note();
    return lost ? "lost" : true;
  };
}

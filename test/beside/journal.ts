/** What the writers have said of each row: what is acknowledged must be there in the end, with the bytes that were given. */

type State = "begun" | "there" | "going" | "gone";
const order: readonly State[] = ["begun", "there", "going", "gone"];

interface Entry {
  state: State;
  wanted: string;
}

/** Digests by field. */
export type Wanted = Readonly<Record<string, string>>;

const written = (wanted: Wanted): string => JSON.stringify(Object.entries(wanted).sort());

export class Journal {
  readonly #rows = new Map<string, Entry>();
  inserted = 0;
  deleted = 0;

  /** Numbers of rows are never used twice: the latest state is the one that is furthest, whoever says it first. */
  note(state: State, table: string, id: number, wanted?: Wanted): void {
    const key = `${table} ${id}`;
    const entry = this.#rows.get(key) ?? { state, wanted: "" };
    this.#rows.set(key, entry);
    if (wanted !== undefined) entry.wanted = written(wanted);
    if (order.indexOf(state) > order.indexOf(entry.state)) entry.state = state;
    if (state === "there") this.inserted += 1;
    if (state === "gone") this.deleted += 1;
  }

  /** What is not as acknowledged, of all the rows that there are. */
  compare(rows: readonly { table: string; id: number; wanted: Wanted; wrong: string | null }[]): {
    readonly lost: string[];
    readonly wrong: string[];
  } {
    const lost: string[] = [];
    const wrong: string[] = [];
    const seen = new Set<string>();
    for (const row of rows) {
      const key = `${row.table} ${row.id}`;
      seen.add(key);
      const entry = this.#rows.get(key);
      if (entry === undefined) wrong.push(`${key} was written by nobody`);
      else if (entry.state === "gone") wrong.push(`${key} was deleted and is there`);
      else if (written(row.wanted) !== entry.wanted) lost.push(`${key} is not what was written`);
      if (row.wrong !== null) lost.push(`${key}: ${row.wrong}`);
    }
    for (const [key, { state }] of this.#rows)
      if (state === "there" && !seen.has(key)) lost.push(`${key} is not there`);
    return { lost, wrong };
  }
}

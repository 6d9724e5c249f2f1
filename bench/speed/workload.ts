/** What is asked: five requests, in the words of each contender, with variables that change from request to request. */

/** Rows of the three levels. */
export const rows = { subjects: 1000, sessions: 10_000, trials: 200_000, cohorts: 100, rooms: 50 } as const;

/** Rows of one bulk create. */
const bulkRows = 1000;

export const contenderNames = ["raw", "holdfast", "postgraphile", "apollo"] as const;
export type ContenderName = (typeof contenderNames)[number];

export const queryNames = ["row", "list", "tree", "codecs", "create"] as const;
export type QueryName = (typeof queryNames)[number];

type Variables = Readonly<Record<string, unknown>>;

interface Query {
  readonly title: string;
  /** A document for each contender that speaks GraphQL; absent where it has no such operation. */
  readonly documents: Readonly<Partial<Record<ContenderName, string>>>;
  variables(random: Random): Variables;
}

/** Whole numbers from 1 to `top`, the same in every run. */
export type Random = (top: number) => number;

/** A generator of whole numbers from a seed. @source mulberry32, public domain */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return (top) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return 1 + (((mixed ^ (mixed >>> 14)) >>> 0) % top);
  };
}

const sessionFields = "sessionId room title startedAt temperature";
const trialFields = "trialId stimulus score correct";

function holdfastTree(trial: string): string {
  return `query Tree($cohort: Int!) { subjects(first: 10, where: {cohort: {eq: $cohort}}) { nodes { subjectId name species weight
    sessions(first: 5) { nodes { sessionId title startedAt trials(first: 5) { nodes { ${trial} } } } } } } }`;
}

function postgraphileTree(trial: string): string {
  return `query Tree($cohort: Int!) { allSubjects(first: 10, condition: {cohort: $cohort}) { nodes { subjectId name species weight
    sessionsBySubjectId(first: 5) { nodes { sessionId title startedAt trialsBySessionId(first: 5) { nodes { ${trial} } } } } } } }`;
}

function apolloTree(trial: string): string {
  return `query Tree($cohort: Int!) { subjects(first: 10, cohort: $cohort) { subjectId name species weight
    sessions(first: 5) { sessionId title startedAt trials(first: 5) { ${trial} } } } }`;
}

let nextReading = 0;

function readings(): readonly Variables[] {
  return Array.from({ length: bulkRows }, () => {
    nextReading += 1;
    return {
      readingId: nextReading,
      channel: nextReading % 64,
      label: `channel ${nextReading % 64}, reading ${nextReading}`,
      value: (nextReading % 4096) / 16,
      takenAt: new Date(1_767_225_600_000 + nextReading).toISOString(),
      valid: nextReading % 7 !== 0,
    };
  });
}

export const queries: Readonly<Record<QueryName, Query>> = {
  row: {
    title: "one row by key",
    documents: {
      holdfast: `query Row($id: Int!) { session(sessionId: $id) { ${sessionFields} } }`,
      postgraphile: `query Row($id: Int!) { sessionBySessionId(sessionId: $id) { ${sessionFields} } }`,
      apollo: `query Row($id: Int!) { session(sessionId: $id) { ${sessionFields} } }`,
    },
    variables: (random) => ({ id: random(rows.sessions) }),
  },
  list: {
    title: "50 rows, filtered and ordered",
    documents: {
      holdfast: `query List($room: Int!) { sessions(first: 50, where: {room: {eq: $room}}, orderBy: [{startedAt: DESC}]) { nodes { ${sessionFields} } } }`,
      postgraphile: `query List($room: Int!) { allSessions(first: 50, condition: {room: $room}, orderBy: [STARTED_AT_DESC]) { nodes { ${sessionFields} } } }`,
      apollo: `query List($room: Int!) { sessions(first: 50, room: $room) { ${sessionFields} } }`,
    },
    variables: (random) => ({ room: random(rows.rooms) }),
  },
  tree: {
    title: "three levels, 10 × 5 × 5",
    documents: {
      holdfast: holdfastTree(trialFields),
      postgraphile: postgraphileTree(trialFields),
      apollo: apolloTree(trialFields),
    },
    variables: (random) => ({ cohort: random(rows.cohorts) }),
  },
  codecs: {
    title: "three levels with two codec fields",
    documents: {
      holdfast: holdfastTree(`${trialFields} waveform { dtype shape sizeBytes } features { kind sizeBytes }`),
      postgraphile: postgraphileTree(`${trialFields} waveform features`),
      apollo: apolloTree(`${trialFields} waveform features`),
    },
    variables: (random) => ({ cohort: random(rows.cohorts) }),
  },
  create: {
    title: `create of ${bulkRows.toLocaleString("en")} rows`,
    documents: {
      holdfast: "mutation Create($rows: [CreateReadingInput!]!) { createReadings(rows: $rows) { count } }",
      apollo: "mutation Create($rows: [ReadingInput!]!) { createReadings(rows: $rows) }",
    },
    variables: () => ({ rows: readings() }),
  },
};

/** The body of a request, or nothing where the contender has no such operation. The hand-written server takes the query's name. */
export function bodyOf(contender: ContenderName, query: QueryName, variables: Variables): string | undefined {
  if (contender === "raw") return JSON.stringify({ query, variables });
  const document = queries[query].documents[contender];
  return document === undefined ? undefined : JSON.stringify({ query: document, variables });
}

const renamed: Readonly<Record<string, string>> = {
  sessionBySessionId: "session",
  allSessions: "sessions",
  allSubjects: "subjects",
  sessionsBySubjectId: "sessions",
  trialsBySessionId: "trials",
};

/** An answer's data in one shape for all: names as ours, connections as lists, instants as one text, stored metadata as its fields. */
export function canonical(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => canonical(item));
  if (key === "startedAt" && typeof value === "string")
    return new Date(/Z$|[+-]\d\d:?\d\d$/.test(value) ? value : `${value}Z`).toISOString();
  if (value === null || typeof value !== "object") return value;
  const object = value as Readonly<Record<string, unknown>>; // neither null nor a list
  if ("nodes" in object) return canonical(object["nodes"]);
  if (key === "waveform" && "path" in object)
    return { dtype: object["dtype"], shape: object["shape"], sizeBytes: String(object["size"]) };
  if (key === "features" && "path" in object)
    return { kind: object["kind"], sizeBytes: String(object["size"]) };
  return Object.fromEntries(
    Object.entries(object).map(([name, inner]) => [renamed[name] ?? name, canonical(inner, name)]),
  );
}

/** A laboratory with an extension; tests say what theirs adds. */

import type { ApiLimits } from "../../../src/api/limits.ts";
import type { Extension } from "../../../src/extend/contract.ts";
import { openLaboratory } from "../laboratory.ts";

export const sdl = /* GraphQL */ `
  extend schema @database(schema: "lab")

  type Subject @table {
    subjectId: Int! @key
    name: String! @column(type: "varchar(64)") @unique
    birth: Date
    weight: Float
  }

  enum Stage { OPEN CLOSED }

  type Session @table {
    subject: Subject! @key
    sessionIdx: Int! @key
    startedAt: DateTime!
    stage: Stage! @column(default: "OPEN")
    count: BigInt
    ratio: Float
    notes: Blob @codec(name: "blob")
    trace: NdArray @codec(name: "npy", store: "default")
    pictures: [File!]! @codec(name: "attach", store: "default")
  }

  type Trial @table(partOf: "Session") {
    session: Session! @key
    trialIdx: Int! @key
    score: Float
  }
`;

/** An extension as it would come from a file of that text. */
export function loaded(extension: Extension, source = "") {
  return { extension, file: "extensions.ts", source };
}

/** Three subjects, the first with three sessions, the second with one. */
const rows = /* GraphQL */ `
  mutation {
    createSubjects(rows: [
      { subjectId: 1, name: "Ada", birth: "2026-01-01", weight: 20.5
        sessions: [
          { sessionIdx: 1, startedAt: "2026-01-11T00:00:00Z", count: "9007199254740993", trace: {values: {dtype: "int16", shape: [3], data: [1, 2, 3]}}
            trials: [{trialIdx: 1, score: 0.5}, {trialIdx: 2, score: 1}] }
          { sessionIdx: 2, startedAt: "2026-01-21T00:00:00Z", stage: CLOSED }
          { sessionIdx: 3, startedAt: "2026-01-31T12:00:00Z", notes: {json: {a: 1}} }
        ] }
      { subjectId: 2, name: "Bob", sessions: [{ sessionIdx: 1, startedAt: "2026-02-01T00:00:00Z" }] }
      { subjectId: 3, name: "Cleo" }
    ]) { count }
  }
`;

/** Opens a laboratory with the rows above in it. */
export async function openExtended(extension: Extension, limits: Partial<ApiLimits> = {}) {
  const laboratory = await openLaboratory(sdl, limits, undefined, loaded(extension));
  await laboratory.data(rows);
  laboratory.statements.length = 0;
  return laboratory;
}

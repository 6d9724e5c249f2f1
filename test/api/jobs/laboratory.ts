/** A laboratory with tables that workers fill. */

import { openLaboratory } from "../laboratory.ts";

export const jobsSdl = `
  type Subject @table { subject: Int! @key  name: String! }
  type Probe @table(tier: LOOKUP) { probe: String! @key @column(type: "varchar(20)") }
  type Session @table { subject: Subject! @key  session: Int! @key }
  "Spikes, sorted."
  type Sorting @table(tier: COMPUTED) { session: Session! @key  probe: Probe! @key  units: Int! }
  type SortingUnit @table(partOf: "Sorting") { sorting: Sorting! @key  unit: Int! @key }
  type Quality @table(tier: COMPUTED) { sorting: Sorting! @key  score: Float }
  type Recording @table(tier: IMPORTED) { session: Session! @key  take: Int! @key  samples: BigInt }
`;

const fields = `id table key input status priority createdTime scheduledTime reservedTime leaseUntil completedTime durationSeconds
  errorMessage errorStack user host pid version`;

/** Opens one, with subjects 1 and 2 of two sessions each and two probes: eight keys of Sorting. */
export async function openJobs() {
  const lab = await openLaboratory(jobsSdl);
  await lab.data(`mutation {
    createSubjects(rows: [{subject: 1, name: "a"}, {subject: 2, name: "b"}]) { count }
    createProbes(rows: [{probe: "p"}, {probe: "q"}]) { count }
    createSessions(rows: [{subject: {key: {subject: 1}}, session: 1}, {subject: {key: {subject: 1}}, session: 2},
      {subject: {key: {subject: 2}}, session: 1}, {subject: {key: {subject: 2}}, session: 2}]) { count }
  }`);
  return {
    ...lab,
    refresh: async (more = "", table = "Sorting") =>
      (await lab.data(`mutation { refreshJobs(table: ${table}${more}) { added removed returned } }`))
        .refreshJobs,
    reserve: async (more = "", table = "Sorting") =>
      (await lab.data(`mutation { reserveJob(table: ${table}${more}) { jobs { ${fields} } } }`)).reserveJob
        .jobs,
    jobs: async (more = "", table = "Sorting") =>
      (await lab.data(`{ jobs(table: ${table}${more}) { nodes { ${fields} } } }`)).jobs.nodes,
    progress: async (table = "Sorting") =>
      (
        await lab.data(
          `{ jobProgress(table: ${table}) { pending reserved success error ignore total done remaining } }`,
        )
      ).jobProgress,
    complete: (job: string, input: object, more = "") =>
      lab.ask(
        `mutation ($job: ID!, $input: CreateSortingInput!) {
          createSorting(input: $input) { sorting { units } }  completeJob(job: $job${more}) { rows job { ${fields} } } }`,
        { job, input },
      ),
    sql: async (text: string, values: readonly unknown[] = []) => (await lab.db.query(text, values)).rows,
  };
}

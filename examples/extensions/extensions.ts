/** What the sample laboratory wants beyond its tables: fields, a curve, an operation, and rules. */

import { crc32 } from "node:zlib";
import { defineExtension, refuse, type Values } from "../../src/extend/contract.ts";

export default defineExtension({
  typeDefs: `
    extend type Sweep {
      "Charge density of the step, in nC/cm²."
      charge: Float!
    }
    extend type SpikeTrain {
      "Times between spikes, in ms."
      intervals: [Float!]!
    }
    extend type Session {
      "The sweep with the largest current."
      strongest: Sweep
    }
    extend type Recording {
      "CRC-32 of the stored file, eight hex digits."
      crc: String!
    }

    "A point of the f-I curve."
    type FiringPoint {
      current: Float!
      "Spikes per second; null where the sweep was not analysed."
      rate: Float
      sweep: Sweep!
    }
    extend type Query {
      "Rate by current, in the order of currents."
      firingCurve(sessionId: Int!): [FiringPoint!]!
    }
    extend type Mutation {
      "Adds a sweep with the next free number."
      appendSweep(sessionId: Int!, current: Float!, stepOn: Float! = 100, stepOff: Float! = 400): Sweep!
    }
  `,

  fields: {
    Sweep: {
      charge: {
        // Read by the request's one statement; nothing of it shows in the answer.
        needs: "{ current stepOn stepOff }",
        resolve: ({ current, stepOn, stepOff }: { current: number; stepOn: number; stepOff: number }) =>
          current * (stepOff - stepOn),
      },
    },
    SpikeTrain: {
      intervals: {
        needs: "{ spikes(first: 1000) { nodes { time } } }",
        resolve({ spikes }: { spikes: { nodes: { time: number }[] } }) {
          const times = spikes.nodes.map(({ time }) => time);
          return times.slice(1).map((time, i) => time - Number(times[i]));
        },
      },
    },
    Session: {
      strongest: {
        // All sessions of the answer at once: one statement, however many there are.
        async resolveMany(sessions, _, { transaction }) {
          const { rows } = await transaction.query<{ sessionId: number; sweepIdx: number }>(
            `SELECT DISTINCT ON (session_id) session_id AS "sessionId", sweep_idx AS "sweepIdx"
             FROM lab.sweep WHERE session_id = ANY ($1::int[]) ORDER BY session_id, current DESC, sweep_idx`,
            [sessions.map(({ sessionId }) => sessionId)],
          );
          // A key stands for its row: the service reads what the request selects of it.
          return sessions.map((session) => rows.find(({ sessionId }) => sessionId === session["sessionId"]));
        },
      },
    },
    Recording: {
      crc: {
        async resolve(key, _, { objects }) {
          const stored = await objects.open("Recording.voltage", key);
          let sum = 0;
          for await (const piece of (await stored?.bytes())?.stream() ?? []) sum = crc32(piece, sum);
          return sum.toString(16).padStart(8, "0");
        },
      },
    },
  },

  query: {
    async firingCurve({ sessionId }: { sessionId: number }, { transaction }) {
      const { rows } = await transaction.query<{ sweepIdx: number; current: number; rate: number | null }>(
        `SELECT s.sweep_idx AS "sweepIdx", s.current, t.rate
         FROM lab.sweep s LEFT JOIN lab.__spike_train t USING (session_id, sweep_idx)
         WHERE s.session_id = $1 ORDER BY s.current, s.sweep_idx`,
        [sessionId],
      );
      return rows.map(({ sweepIdx, current, rate }) => ({ current, rate, sweep: { sessionId, sweepIdx } }));
    },
  },

  mutation: {
    async appendSweep({ sessionId, ...step }: Values, { transaction, api }) {
      // Two callers at once get two numbers: the second waits here for the first.
      const { rows } = await transaction.query<{ next: number }>(
        `SELECT (SELECT coalesce(max(sweep_idx), 0) + 1 FROM lab.sweep w WHERE w.session_id = s.session_id) AS next
         FROM lab.session s WHERE session_id = $1 FOR UPDATE`,
        [sessionId],
      );
      if (rows[0] === undefined) refuse(`There is no session ${sessionId}.`, { field: "sessionId" });
      const { createSweep } = await api.data<{ createSweep: { sweep: { id: string } } }>(
        "mutation ($input: CreateSweepInput!) { createSweep(input: $input) { sweep { id } } }",
        { input: { ...step, session: { key: { sessionId } }, sweepIdx: rows[0].next } },
      );
      return createSweep.sweep;
    },
  },

  hooks: {
    Sweep: {
      // Before the transaction, for every sweep that any mutation creates.
      beforeCreate(sweeps) {
        for (const { stepOn, stepOff } of sweeps) {
          if (Number(stepOff) <= Number(stepOn)) refuse("A step ends after it begins.", { field: "stepOff" });
        }
      },
    },
    Session: {
      beforeCreate(sessions) {
        for (const session of sessions) session["title"] = String(session["title"]).trim();
      },
      beforeUpdate({ set }) {
        if (typeof set["title"] === "string") set["title"] = set["title"].trim();
      },
      // In the transaction, the rows locked, those of a cascade too.
      beforeDelete(sessions) {
        if (sessions.some(({ old }) => old?.["origin"] === "MEASURED"))
          refuse("What was measured once stays.");
      },
      afterCommit({ created, deleted }, { log, principal }) {
        log.info(
          { created: created.length, deleted: deleted.length, by: principal.name },
          "sessions changed",
        );
      },
    },
  },
});

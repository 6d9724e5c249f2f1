import { afterAll, beforeAll, expect, test } from "vitest";
import { policies, setPolicy } from "../../src/collector/policy.ts";
import { Stage } from "./stage.ts";

const stage = new Stage();
beforeAll(() => stage.open());
afterAll(() => stage.close());

const standard = { mode: "report", graceSeconds: 604_800, keepSeconds: 2_592_000, drainSeconds: 1800 };

test("policies are read, set and audited", () =>
  stage.play(async (w) => {
    expect(await policies(w.context())).toEqual([
      { store: "cold", ...standard },
      { store: "main", ...standard },
    ]);
    const set = await setPolicy(w.context(), { store: "main", mode: "on", graceSeconds: 0.5 }, "ann");
    expect(set).toEqual({ store: "main", ...standard, mode: "on", graceSeconds: 0.5 });
    expect((await policies(w.context()))[1]).toEqual(set);
    const [line] = await w.rows<{ by: string; kind: string; details: string }>(
      "SELECT a.by, r.kind, r.state, a.details FROM holdfast.audit a JOIN holdfast.collector_run r ON r.id = a.run WHERE step = 'policy'",
    );
    expect(line).toMatchObject({ by: "ann", kind: "POLICY", state: "DONE" });
    expect(JSON.parse(line?.details ?? "")).toMatchObject({
      before: { mode: "report" },
      after: { mode: "on" },
    });
  }));

test.each([
  [{ graceSeconds: -1 }, "graceSeconds"],
  [{ keepSeconds: Number.NaN }, "keepSeconds"],
  [{ drainSeconds: Number.POSITIVE_INFINITY }, "drainSeconds"],
  [{ drainSeconds: 599 }, "drainSeconds"],
  [{ graceSeconds: 1e12 }, "graceSeconds"],
  [{ mode: "sometimes" as "on" }, "mode"],
])("%j is refused by name", (policy, field) =>
  stage.play(async (w) => {
    const setting = setPolicy(w.context(), { store: "main", ...policy }, "ann");
    await expect(setting).rejects.toMatchObject({ code: "BAD_USER_INPUT", details: { field } });
    expect(await w.count("holdfast.audit")).toBe(0);
  }),
);

test("a store that is not configured is unknown", () =>
  stage.play(async (w) => {
    await expect(setPolicy(w.context(), { store: "tape" }, "ann")).rejects.toMatchObject({
      code: "STORE_UNKNOWN",
    });
  }));

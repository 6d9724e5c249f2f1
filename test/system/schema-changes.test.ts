import { describe, expect, it } from "vitest";
import { codeOf, openWorld } from "./support/service.ts";

const sdl = (fields: string) => `
extend schema @database(schema: "lab")
type Sample @table { sampleId: Int! @key ${fields} }
`;
const world = await openWorld(sdl("label: String"));
const { system, entity, save } = world;

const planQuery =
  "{ plan { kind summary sql destructive entity refusal { message remedy } } drift { kind subject breaks } }";
const apply =
  "mutation ($allow: Boolean! = false) { apply(allowDestructive: $allow) { kind summary destructive } }";

describe("plan, apply and drift", () => {
  it("have nothing to say at the start", async () => {
    expect((await system(planQuery)).data).toEqual({ plan: [], drift: [] });
  });

  it("bring a new field into service without a restart, and never interrupt requests", async () => {
    save(sdl("label: String weight: Float"));
    const { plan, drift } = (await system(planQuery)).data;
    expect(plan).toMatchObject([
      {
        kind: "add-column",
        sql: expect.stringContaining("weight"),
        destructive: false,
        entity: "Sample",
        refusal: null,
      },
    ]);
    expect(drift).toEqual([{ kind: "missing-column", subject: "lab.sample.weight", breaks: true }]);
    expect((await entity("{ samples { nodes { weight } } }")).errors?.[0]?.message).toContain("weight");
    let serving = true;
    const asked = (async () => {
      const answers = [];
      while (serving) answers.push(await entity("{ samples { totalCount nodes { label } } }"));
      return answers;
    })();
    expect((await system(apply)).data.apply).toMatchObject([{ kind: "add-column" }]);
    expect((await entity("{ samples { nodes { weight } } }")).errors).toBeUndefined();
    serving = false;
    const answers = await asked;
    expect(answers.filter(({ errors }) => errors !== undefined)).toEqual([]);
    expect((await system(planQuery)).data).toEqual({ plan: [], drift: [] });
  });

  it("hold a change that removes data until it is allowed", async () => {
    save(sdl("weight: Float"));
    expect((await system(planQuery)).data.plan).toMatchObject([{ kind: "drop-column", destructive: true }]);
    expect(codeOf(await system(apply))).toBe("DESTRUCTIVE_CHANGE");
    expect((await entity("{ samples { nodes { label weight } } }")).errors).toBeUndefined();
    expect((await system(apply, { allow: true })).errors).toBeUndefined();
    expect((await entity("{ samples { nodes { label } } }")).errors?.[0]?.message).toContain("label");
  });

  it("say why a change cannot be made, and what to do", async () => {
    await entity("mutation { createSample(input: {sampleId: 1}) { sample { sampleId } } }");
    save(sdl("weight: Float serial: Int!"));
    const { plan } = (await system(planQuery)).data;
    const refused = plan.filter((change: { refusal: object | null }) => change.refusal !== null);
    expect(refused).toMatchObject([
      { refusal: { message: expect.stringContaining("serial"), remedy: expect.any(String) } },
    ]);
    expect(codeOf(await system(apply, { allow: true }))).toBe("CONSTRAINT_VIOLATION");
    expect((await entity("{ samples { nodes { weight } } }")).errors).toBeUndefined();
  });

  it("name every problem of a broken file and leave the old one in service", async () => {
    save("type A @table { a: Int }\ntype B @table { b: Nothing! @key }");
    const answer = await system(apply);
    expect(codeOf(answer)).toBe("SCHEMA_INVALID");
    expect(answer.errors?.[0]?.message).toContain("schema.graphql:1:");
    expect(answer.errors?.[0]?.message).toContain("schema.graphql:2:");
    expect((await entity("{ samples { nodes { weight } } }")).errors).toBeUndefined();
  });

  it("let applies that come at once follow one another", async () => {
    save(sdl("weight: Float first: Int second: Int"));
    const answers = await Promise.all([system(apply), system(apply), world.service.engine.follow()]);
    expect(codeOf(answers[0])).toBeUndefined();
    expect(codeOf(answers[1])).toBeUndefined();
    expect((await entity("{ samples { nodes { first second } } }")).errors).toBeUndefined();
  });
});

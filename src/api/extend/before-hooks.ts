/** Hooks before rows are drafted: they get the inputs of each table, nested ones too, as objects that they may change. */

import type { CreateInfo, TableHooks } from "../../extend/contract.ts";
import type { Entity, Model } from "../../model/model.ts";
import type { OperationRequest } from "../write/contract.ts";
import type { PlacedInput, WriteExtension } from "../write/extension.ts";
import { fieldOf, type Input } from "../write/input-field.ts";
import { entityOf } from "../write/row-draft.ts";
import { callUser } from "./call-user.ts";
import { scopeOf, type UserServices } from "./services.ts";

/** An input that hooks may change. */
type Draft = Record<string, unknown>;

interface Level {
  readonly entity: Entity;
  readonly draft: Draft;
}

type Before = Pick<WriteExtension, "beforeCreate" | "beforeUpdate">;

/** Makes the hooks before writes. */
export function createBeforeHooks(services: UserServices): Before {
  const { hooks } = services.user;
  const all = Object.entries(hooks);
  const creates = all.some(([, table]) => table.beforeCreate !== undefined);
  return {
    beforeCreate: async (request, entity, { inputs, how }) => {
      if (!creates) return inputs;
      const drafts = inputs.map(({ input, place }) => ({ draft: { ...input }, place }));
      const level = drafts.map(({ draft }) => ({ entity, draft }));
      await callLevels(services, request, level, { how, nested: false });
      return drafts.map(({ draft, place }): PlacedInput => ({ input: draft, place }));
    },
    beforeUpdate: async (request, entity, change) => {
      const hook = hooks[entity.name]?.beforeUpdate;
      if (hook === undefined && !creates) return change.set;
      const set: Draft = { ...change.set };
      if (hook !== undefined) {
        const { key, where } = change;
        const given = { ...(key && { key: { ...key } }), ...(where && { where: { ...where } }), set };
        await callHook(services, request, `${entity.name}.beforeUpdate`, (table, context) =>
          table.beforeUpdate?.(given, context),
        );
      }
      if (creates) {
        const nested = nestedIn(request.model, entity, set);
        await callLevels(services, request, nested, { how: "create", nested: true });
      }
      return set;
    },
  };
}

/** Rows around come before those nested in them, since their hooks may still change these. */
async function callLevels(
  services: UserServices,
  request: OperationRequest,
  first: readonly Level[],
  info: CreateInfo,
): Promise<void> {
  let told = info;
  for (let level = first; level.length > 0; told = { ...info, nested: true }) {
    for (const [entity, some] of Map.groupBy(level, (one) => one.entity)) {
      if (services.user.hooks[entity.name]?.beforeCreate === undefined) continue;
      const drafts = some.map(({ draft }) => draft);
      const now = told;
      await callHook(services, request, `${entity.name}.beforeCreate`, (table, context) =>
        table.beforeCreate?.(drafts, context, now),
      );
    }
    level = level.flatMap(({ entity, draft }) => nestedIn(request.model, entity, draft));
  }
}

type Context = Parameters<NonNullable<TableHooks["beforeUpdate"]>>[1];

async function callHook(
  services: UserServices,
  request: OperationRequest,
  name: string,
  call: (table: TableHooks, context: Context) => void | Promise<void>,
): Promise<void> {
  const table = services.user.hooks[name.split(".")[0] ?? ""];
  if (table === undefined) return;
  await callUser(services, scopeOf(request.context), { name, work: (context) => call(table, context) });
}

/** The inputs of other rows inside one, made changeable. What is no input the drafting will tell. */
function nestedIn(model: Model, entity: Entity, draft: Draft): readonly Level[] {
  return Object.entries(draft).flatMap(([name, value]): Level[] => {
    if (value === null || typeof value !== "object") return [];
    const known = fieldOf(entity, name, "input");
    if (known.kind === "reference") {
      const { create } = value as Input;
      if (create === null || typeof create !== "object") return [];
      const inner: Draft = { ...create };
      draft[name] = { ...value, create: inner };
      return [{ entity: entityOf(model, known.reference.target), draft: inner }];
    }
    if (known.kind !== "child") return [];
    const target = entityOf(model, known.child.entity);
    const copies = (Array.isArray(value) ? value : [value]).map((one: Draft) => ({ ...one }));
    draft[name] = Array.isArray(value) ? copies : copies[0];
    return copies.map((inner) => ({ entity: target, draft: inner }));
  });
}

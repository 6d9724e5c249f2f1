/** The arguments of one request, place by place: pages checked, ids taken apart, the rest as given. */

import type { Model } from "../model/model.ts";
import { evaluateArguments } from "../plan/expression.ts";
import type { Place } from "../plan/plan.ts";
import { valueShape } from "../sql/filter-shape.ts";
import { resolveGroups } from "../sql/groups.ts";
import { resolvePage } from "../sql/select-page.ts";
import { type ApiLimits, beyondLimit } from "./limits.ts";
import { resolveIds } from "./node-id.ts";
import { roleKey } from "./row-rules.ts";
import { guardFilter } from "./variables-guard.ts";

export type ResolvedArguments = readonly Readonly<Record<string, unknown>>[];

/** Evaluates the arguments of every place. @throws {BAD_USER_INPUT | LIMIT_EXCEEDED} naming the argument. */
export function resolveArguments(
  places: readonly Place[],
  variables: Readonly<Record<string, unknown>>,
  context: {
    readonly model: Model;
    readonly limits: ApiLimits;
    /** Rows that have these places; 1 unless given. */
    readonly times?: number;
  },
): ResolvedArguments {
  const resolved = places.map((place) => resolvePlace(place, variables, context));
  checkRows(places, resolved, context);
  return resolved;
}

function resolvePlace(
  place: Place,
  variables: Readonly<Record<string, unknown>>,
  { model, limits }: { readonly model: Model; readonly limits: ApiLimits },
): Readonly<Record<string, unknown>> {
  const given = evaluateArguments(place.arguments, variables);
  const { use } = place;
  if (use.kind === "ids") return resolveIds(model, given, limits);
  guardFilter(given["where"], "where", limits);
  guardFilter(given["having"], "having", limits);
  const entity = use.kind !== "list" && use.kind !== "groups" ? undefined : model.entity.get(use.entity);
  if (entity === undefined) return given;
  return use.kind === "groups"
    ? resolveGroups(model, entity, { given, limits })
    : resolvePage(model, entity, { given, limits });
}

/** Page sizes multiply along nested lists; a query that could answer with far too many rows is refused before it runs. */
function checkRows(
  places: readonly Place[],
  resolved: ResolvedArguments,
  { limits, times = 1 }: { readonly limits: ApiLimits; readonly times?: number },
): void {
  const rows: number[] = [];
  for (const [at, { use, within }] of places.entries()) {
    const outer = within === undefined ? times : (rows[within] ?? times);
    const isMany = use.kind === "list" || use.kind === "groups";
    const size = isMany ? Number(resolved[at]?.["asked"] ?? resolved[at]?.["size"]) : 1;
    rows.push(Math.max(outer * size, 1));
    if (!isMany || outer * size <= limits.maxRows) continue;
    const what = use.kind === "groups" ? "groups" : "rows";
    throw beyondLimit(
      `The query asks for up to ${outer * size} ${what} of ${use.entity}`,
      "maxRows",
      limits,
      {
        field: "first",
        remedy: "Give smaller pages by first.",
      },
    );
  }
}

/**
 * What of the arguments the SQL text depends on: which filters, orders and bounds are there, not their values. Requests of equal shape share
 * one statement.
 */
export function shapeOf(resolved: ResolvedArguments): string {
  return resolved.map(placeShape).join("|");
}

function placeShape(place: Readonly<Record<string, unknown>>): string {
  if (roleKey in place) return JSON.stringify(place[roleKey]);
  if ("groupSignature" in place) return `${String(place["groupSignature"])}${valueShape(place["having"])}`;
  if ("terms" in place) {
    const { signature, whereShape, after, before, backward, offset } = place;
    const bounds = [after, before].map((bound) =>
      Array.isArray(bound) ? bound.map((one) => (one === null ? "0" : "1")).join("") : "-",
    );
    return `${String(signature)}${bounds.join(",")}${backward === true ? "b" : "f"}${Number(offset) > 0 ? "o" : ""}${String(whereShape)}`;
  }
  const { groups } = place;
  if (Array.isArray(groups))
    return groups.map((group: { readonly entity: string }) => group.entity).join(",");
  return "";
}

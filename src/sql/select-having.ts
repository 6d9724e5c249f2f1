/** Conditions on groups. */

import { ServiceError } from "../errors.ts";
import { codecMeasure, columnMeasure, type Gathering, type Placed } from "./gathering.ts";
import { type Argument, all, partOf } from "./select-builder.ts";
import { compareColumn, compareTyped, operatorsOf } from "./select-compare.ts";
import { countOf } from "./select-measure.ts";

/** The condition that `having` puts on groups; `true` for an absent one. */
export function havingSql(gathering: Gathering, having: Argument, placed: Placed): string {
  if (having.value === undefined || having.value === null) return "true";
  return conditions(gathering, having, placed);
}

function conditions(gathering: Gathering, having: Argument, placed: Placed): string {
  return all(
    operatorsOf(having).map(
      (name) => `(${condition(gathering, { name, part: partOf(having, name) }, placed)})`,
    ),
  );
}

function condition(
  gathering: Gathering,
  { name, part }: { readonly name: string; readonly part: Argument },
  placed: Placed,
): string {
  if (part.value === null || part.value === undefined) throw nullCondition(part);
  switch (name) {
    case "and":
    case "or": {
      const items = Array.isArray(part.value) ? part.value : [];
      const each = items.map((_, index) => `(${conditions(gathering, partOf(part, index), placed)})`);
      if (each.length === 0) return name === "and" ? "true" : "false";
      return each.join(name === "and" ? " AND " : " OR ");
    }
    case "not":
      return `(${conditions(gathering, part, placed)}) IS NOT TRUE`;
    case "count":
      return compareTyped(gathering.builder, placed(countOf(gathering.raw)), part);
    case "sum":
    case "avg":
    case "min":
    case "max":
      return all(
        operatorsOf(part).map((field) =>
          measured(gathering, { name, field, part: partOf(part, field) }, placed),
        ),
      );
    default:
      throw new ServiceError("BAD_USER_INPUT", `Groups cannot be filtered by ${name}.`);
  }
}

function measured(
  gathering: Gathering,
  {
    name,
    field,
    part,
  }: { readonly name: "sum" | "avg" | "min" | "max"; readonly field: string; readonly part: Argument },
  placed: Placed,
): string {
  if (part.value === null || part.value === undefined) throw nullCondition(part);
  const { builder, entity } = gathering;
  const column = entity.columns.find((candidate) => candidate.exposed && candidate.field === field);
  if (column === undefined) {
    throw new ServiceError("BAD_USER_INPUT", `${entity.name} cannot be filtered by ${name} of ${field}.`);
  }
  if (column.type.codec !== undefined) {
    return all(
      operatorsOf(part).map((told) => {
        const inner = partOf(part, told);
        if (inner.value === null) throw nullCondition(inner);
        const value = placed(codecMeasure(gathering, name, { column, field: told }));
        return compareTyped(builder, value, inner);
      }),
    );
  }
  const value = placed(columnMeasure(gathering, name, column));
  if (name === "sum" || name === "avg") return compareTyped(builder, value, part);
  return compareColumn(builder, { column, sql: value.sql }, part);
}

function nullCondition(part: Argument): ServiceError {
  const field = part.path.slice(1).join(".");
  return new ServiceError(
    "BAD_USER_INPUT",
    `The condition ${field} is null. Leave it out, or ask for groups without a value by isNull: true.`,
    { details: { field } },
  );
}

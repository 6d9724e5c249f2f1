/**
 * Rows that a viewer does not see. A rule is a filter of one entity, as the API's `where` takes it, with claims of the viewer as operands;
 * it joins the statement wherever the entity's table is read. An internal seam: roles, claims and grants come with the issue on projects.
 * Why it is so is told in `docs/decisions/0010-row-rules-in-the-statement.md`.
 */

import type { GraphQLSchema } from "graphql";
import { ServiceError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import type { SelectContext } from "../sql/select.ts";
import type { CodecSql } from "../sql/select-builder.ts";
import { compileCount } from "../sql/select-match.ts";
import { bindRule, type Claims, placeholders, type RuleTemplate } from "./row-rule-template.ts";
import type { WriteContext } from "./write/contract.ts";

/** Who asks, as rules see it. */
export interface Viewer {
  /** Names the rules that apply. */
  readonly role: string;
  readonly claims: Claims;
}

/** Rules of every role, by the name of the entity; an entity without a rule is seen whole. Operands may be claims (`claim("lab")`). */
export interface RowRules {
  readonly roles: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Tells who asks. */
  readonly viewer: (context: WriteContext) => Viewer;
}

/** The rules of one viewer: filters by the name of the entity, ready to be a place of the arguments. */
export type ViewerRules = Readonly<Record<string, unknown>>;

/** The rules, checked. */
export interface RuleBook {
  /** The rules of who asks. @throws {FORBIDDEN} for a role without rules, and where a claim is missing or does not fit. */
  of(context: WriteContext): ViewerRules;
}

/** Key of the role among a viewer's rules; no entity can be called so. */
export const roleKey = "~role";

/** Names of the entities that any role has a rule for: their rows can be hidden. */
export function hiddenEntities(rules: RowRules | undefined): ReadonlySet<string> {
  return new Set(Object.values(rules?.roles ?? {}).flatMap((role) => Object.keys(role)));
}

/** Checks rules against the schema and compiles each once. @throws {CONFIG_INVALID} naming role, entity and place. */
export function openRuleBook(
  { roles, viewer }: RowRules,
  context: { readonly schema: GraphQLSchema; readonly model: Model; readonly codecs: CodecSql },
): RuleBook {
  const templates = new Map(
    Object.entries(roles).map(([role, rules]) => {
      const bound = Object.entries(rules).map(([entity, filter]) => {
        const template = bindRule(context.schema, { role, entity, filter });
        tryRule(context, { role, entity, template });
        return [entity, template] as const;
      });
      return [role, bound] as const;
    }),
  );
  return {
    of: (request) => {
      const { role, claims } = viewer(request);
      const rules = templates.get(role);
      if (rules === undefined) throw new ServiceError("FORBIDDEN", "The caller's role has no rules here.");
      const filters = rules.map(([entity, template]) => [entity, template(claims)] as const);
      return { ...Object.fromEntries(filters), [roleKey]: role };
    },
  };
}

/** What only the compiler knows of a rule is known now: fields that SQL cannot tell, operators that are null. */
function tryRule(
  { model, codecs }: { readonly model: Model; readonly codecs: CodecSql },
  { role, entity: name, template }: { role: string; entity: string; template: RuleTemplate },
): void {
  const entity = model.entity.get(name);
  if (entity === undefined) return;
  try {
    compileCount(entity, { model, codecs, resolved: [{}, { [name]: template(placeholders) }], rules: 1 });
  } catch (cause) {
    const fault = cause instanceof Error ? cause.message : String(cause);
    throw new ServiceError("CONFIG_INVALID", `The rule of ${role} for ${name}: ${fault}`, { cause });
  }
}

/** Arguments of a request with the viewer's rules behind them, and the place of these. */
export function withRules<Place extends Readonly<Record<string, unknown>>>(
  resolved: readonly Place[],
  rules: ViewerRules | undefined,
): Pick<SelectContext, "resolved" | "rules"> {
  if (rules === undefined) return { resolved, rules: undefined };
  return { resolved: [...resolved, rules], rules: resolved.length };
}

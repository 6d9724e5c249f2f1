import type { EntityDraft } from "./draft.ts";
import type { Entity, ModelContext } from "./model.ts";
import type { Problems } from "./problems.ts";
import type { Definitions } from "./source.ts";
export function checkTypeNames(_d: Definitions, _c: ModelContext, _p: Problems): void {}
export function checkFieldNames(
  _e: readonly Entity[],
  _d: ReadonlyMap<string, EntityDraft>,
  _p: Problems,
): void {}
export function checkRootFields(
  _e: readonly Entity[],
  _d: ReadonlyMap<string, EntityDraft>,
  _p: Problems,
): void {}

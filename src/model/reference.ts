/** References as readers see them. */

import type { Model, Reference } from "./model.ts";

/** Whether the reference may read as null. */
export function isOptional({ nullable, hideable }: Reference): boolean {
  return nullable || hideable === true;
}

/** The model for readers from whom rows of the named entities can be hidden. */
export function withHideable(model: Model, hidden: ReadonlySet<string>): Model {
  if (hidden.size === 0) return model;
  const entities = model.entities.map((entity) => ({
    ...entity,
    references: entity.references.map((one) => (hidden.has(one.target) ? { ...one, hideable: true } : one)),
  }));
  return Object.freeze({
    ...model,
    entities,
    entity: new Map(entities.map((entity) => [entity.name, entity])),
  });
}

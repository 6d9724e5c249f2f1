/** `@renamedFrom`: the old name must be free, else it is not a rename. */

import type { EntityDraft } from "./draft.ts";
import type { Problems } from "./problems.ts";

/** Checks every rename of types and fields. */
export function checkRenames(drafts: readonly EntityDraft[], problems: Problems): void {
  const types = new Set(drafts.map((draft) => draft.name));
  const olds = new Map<string, EntityDraft>();
  for (const draft of drafts) {
    checkTypeRename(draft, { types, olds, problems });
    checkFieldRenames(draft, problems);
  }
}

interface TypeRename {
  readonly types: ReadonlySet<string>;
  readonly olds: Map<string, EntityDraft>;
  readonly problems: Problems;
}

function checkTypeRename(draft: EntityDraft, { types, olds, problems }: TypeRename): void {
  const use = draft.uses.one("renamedFrom");
  const old = draft.renamedFrom;
  if (use === undefined || old === undefined) return;
  const report = problems.at(use.place("name"));
  const rival = olds.get(old);
  if (!/^[A-Z][A-Za-z0-9]*$/.test(old)) {
    report(
      `${draft.label}: @renamedFrom names ${JSON.stringify(old)}, which is no type name`,
      "Write the old type name.",
    );
  } else if (types.has(old)) {
    report(
      `${draft.label}: @renamedFrom names ${old}, which ${old === draft.name ? "is its own name" : "the schema still has"}`,
      "Write the name that the type had before.",
    );
  } else if (rival !== undefined) {
    report(`${draft.label}: @renamedFrom names ${old}, and so does type ${rival.name}`, "Keep one of them.");
  } else olds.set(old, draft);
}

function checkFieldRenames(draft: EntityDraft, problems: Problems): void {
  const olds = new Map<string, string>();
  for (const field of draft.fields) {
    const use = field.uses.one("renamedFrom");
    const old = field.renamedFrom;
    if (use === undefined || old === undefined) continue;
    const report = problems.at(use.place("name"));
    const rival = olds.get(old);
    if (!/^[a-z][A-Za-z0-9_]*$/.test(old)) {
      report(
        `${field.label}: @renamedFrom names ${JSON.stringify(old)}, which is no field name`,
        "Write the old field name.",
      );
    } else if (draft.fieldNames.has(old)) {
      report(
        `${field.label}: @renamedFrom names ${old}, which ${old === field.name ? "is its own name" : "the type still has"}`,
        "Write the name that the field had before.",
      );
    } else if (rival !== undefined) {
      report(`${field.label}: @renamedFrom names ${old}, and so does field ${rival}`, "Keep one of them.");
    } else olds.set(old, field.name);
  }
}

/** Stored table names: tier prefix, master's prefix, and the names before a rename. */

import type { EntityDraft } from "./draft.ts";
import { checkTableBase, checkTableName } from "./identifier.ts";
import type { Tier } from "./model.ts";
import { snakeCase, tierPrefix } from "./naming.ts";
import type { Problems } from "./problems.ts";

/** Where an entity's rows lie. */
export interface TableName {
  readonly schema: string;
  readonly table: string;
  /** The master's tier, for parts. */
  readonly tier: Tier;
  /** The table before a rename of this entity or of its master. */
  readonly renamedFromTable?: string;
}

/** Names the table of every entity; faults are reported, and a name is given all the same. */
export function nameTables(
  drafts: readonly EntityDraft[],
  objectNames: ReadonlySet<string>,
  problems: Problems,
): ReadonlyMap<string, TableName> {
  const byName = new Map(drafts.map((draft) => [draft.name, draft]));
  const names = new Map<string, TableName>();
  for (const draft of drafts) {
    const master = masterOf(draft, { byName, objectNames, problems });
    const name = nameTable(draft, master, problems);
    names.set(draft.name, name);
    const place = draft.uses.one("table")?.place("name") ?? draft.node;
    checkTableName(name.table, draft.label, problems.at(place));
  }
  checkDuplicates(drafts, names, problems);
  return names;
}

interface MasterLookup {
  readonly byName: ReadonlyMap<string, EntityDraft>;
  readonly objectNames: ReadonlySet<string>;
  readonly problems: Problems;
}

function masterOf(
  draft: EntityDraft,
  { byName, objectNames, problems }: MasterLookup,
): EntityDraft | undefined {
  const table = draft.uses.one("table");
  if (draft.partOf === undefined || table === undefined) return undefined;
  const report = problems.at(table.place("partOf"));
  const master = byName.get(draft.partOf);
  if (master === undefined) {
    if (objectNames.has(draft.partOf)) return undefined;
    return report(`${draft.label}: there is no type ${draft.partOf}`, "Name a type with @table in partOf.");
  }
  if (master.partOf !== undefined || master === draft) {
    const whose = master === draft ? "itself" : `${master.name}, which is a part of ${master.partOf}`;
    return report(
      `${draft.label} is a part of ${whose}`,
      "A part belongs to a table that is no part; refer to other parts with a key field.",
    );
  }
  checkPart(draft, master, { byName, problems });
  return master;
}

function checkPart(
  draft: EntityDraft,
  master: EntityDraft,
  { byName, problems }: Pick<MasterLookup, "byName" | "problems">,
): void {
  const table = draft.uses.one("table");
  if (table?.has("tier") === true) {
    problems.at(table.place("tier"))(
      `${draft.label}: a part has the tier of its master, ${master.name}`,
      "Remove tier.",
    );
  }
  if (draft.schema !== master.schema) {
    problems.at(table?.place("schema") ?? draft.node)(
      `${draft.label}: a part lies in the schema of its master, ${master.schema}, not in ${draft.schema}`,
      "Put both into one schema.",
    );
  }
  // A part may also refer to another part of its master, which leads there.
  const isFamily = (name: string): boolean =>
    name === master.name || (name !== draft.name && byName.get(name)?.partOf === master.name);
  const refersToMaster = draft.fields.some(
    (field) => field.kind === "reference" && field.inKey && isFamily(field.target),
  );
  if (refersToMaster || draft.hasFaultyKey) return;
  problems.at(draft.node)(
    `${draft.label}: a part needs its master in its key`,
    `Add ${master.singular}: ${master.name}! @key.`,
  );
}

function nameTable(draft: EntityDraft, master: EntityDraft | undefined, problems: Problems): TableName {
  const place = draft.uses.one("table")?.place("name") ?? draft.node;
  const now = { type: draft.name, explicit: draft.tableName };
  checkTableBase(baseOf(now, master?.name), draft.label, problems.at(place));
  const table = storedName(now, draft.tier, master, false);
  const before = storedName(
    {
      type: draft.renamedFrom ?? draft.name,
      explicit: draft.renamedFrom === undefined ? draft.tableName : undefined,
    },
    draft.tier,
    master,
    true,
  );
  const { schema, tier } = master ?? draft;
  return { schema, table, tier, ...(before === table ? {} : { renamedFromTable: before }) };
}

interface Naming {
  readonly type: string;
  readonly explicit: string | undefined;
}

/** Base of a table name: a part drops the name of its master. */
function baseOf({ type, explicit }: Naming, master: string | undefined): string {
  if (explicit !== undefined) return explicit;
  const rest = master !== undefined && type.startsWith(master) ? type.slice(master.length) : "";
  return snakeCase(/^[A-Z]/.test(rest) ? rest : type);
}

function storedName(naming: Naming, tier: Tier, master: EntityDraft | undefined, isBefore: boolean): string {
  if (master === undefined) return tierPrefix(tier) + baseOf(naming, undefined);
  const masterType = isBefore ? (master.renamedFrom ?? master.name) : master.name;
  const isRenamed = isBefore && master.renamedFrom !== undefined;
  const masterNaming = { type: masterType, explicit: isRenamed ? undefined : master.tableName };
  return `${tierPrefix(master.tier)}${baseOf(masterNaming, undefined)}__${baseOf(naming, masterType)}`;
}

function checkDuplicates(
  drafts: readonly EntityDraft[],
  names: ReadonlyMap<string, TableName>,
  problems: Problems,
): void {
  const owners = new Map<string, EntityDraft>();
  for (const draft of drafts) {
    const name = names.get(draft.name);
    const full = `${name?.schema}.${name?.table}`;
    const owner = owners.get(full);
    if (owner === undefined) owners.set(full, draft);
    else {
      problems.at(draft.uses.one("table")?.place("name") ?? draft.node)(
        `${draft.label}: the table ${full} belongs to type ${owner.name} already`,
        'Choose another with @table(name: "…").',
      );
    }
  }
}

/** The schema file that was applied last, while fields change their codec for the one that is there now. */

import { readSource } from "../../db/applied-source.ts";
import type { Queryable } from "../../db/contract.ts";
import { readMoves } from "../../migrate/record.ts";
import type { Model } from "../../model/model.ts";
import type { Settings } from "../settings.ts";
import { checkModel, type LoadedModel } from "./load-model.ts";

/** A checked schema file. */
export interface Version {
  readonly model: Model;
  readonly source: string;
}

/** What the tables follow while fields change their codec; undefined when none do, or the file is as it was before. */
export async function versionBefore({
  settings,
  db,
  loaded,
}: {
  readonly settings: Settings;
  readonly db: Queryable;
  readonly loaded: LoadedModel;
}): Promise<Version | undefined> {
  const owner = loaded.model.schema;
  if ((await readMoves(db, owner, ["copying"])).length === 0) return undefined;
  const source = await readSource(db, owner);
  if (source === undefined || source === loaded.source) return undefined;
  return { source, model: checkModel(settings.schemaPath, source, loaded) };
}

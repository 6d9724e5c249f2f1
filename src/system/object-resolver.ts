/** Objects and who refers to them. */

import { Arg, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from "type-graphql";
import { listAudit } from "./collector/audit-list.ts";
import { AuditEntry } from "./collector/history-types.ts";
import { requireRight } from "./guard.ts";
import { findObject, listObjects } from "./object-list.ts";
import { checkCount } from "./page-arguments.ts";
import type { SystemContext, SystemServices } from "./services.ts";
import { ObjectPage, Referrer, StoredObject } from "./types.ts";

@Resolver(() => StoredObject)
export class ObjectResolver {
  private readonly services: SystemServices;

  constructor(services: SystemServices) {
    this.services = services;
  }

  @Query(() => ObjectPage, { description: "Objects in the order of their locators." })
  async objects(
    @Ctx() context: SystemContext,
    @Arg("first", () => Int, { defaultValue: 100 }) first: number,
    @Arg("after", () => String, { nullable: true }) after: string | null,
    @Arg("prefix", () => String, { nullable: true, description: "Begin of the locator: `main:_hash/lab/`." })
    prefix: string | null,
    @Arg("unreferenced", () => Boolean, {
      nullable: true,
      description: "Only those that no schema holds, or only held ones.",
    })
    unreferenced: boolean | null,
    @Arg("store", () => String, { nullable: true }) store: string | null,
    @Arg("condemned", () => Boolean, {
      nullable: true,
      description: "Only those that the collector will remove unless they are held again, or only others.",
    })
    condemned: boolean | null,
  ): Promise<ObjectPage> {
    requireRight(context, "READ");
    checkCount("first", first);
    return listObjects(this.services.db, { first, after, prefix, unreferenced, store, condemned });
  }

  @Query(() => StoredObject, { nullable: true, description: "One object; null when there is none." })
  async object(
    @Ctx() context: SystemContext,
    @Arg("locator", () => ID) locator: string,
  ): Promise<StoredObject | null> {
    requireRight(context, "READ");
    return findObject(this.services.db, locator);
  }

  @FieldResolver(() => [Referrer], { description: "Rows that refer to it, found through the foreign keys." })
  async referrers(
    @Root() object: StoredObject,
    @Arg("first", () => Int, { defaultValue: 100 }) first: number,
  ): Promise<Referrer[]> {
    checkCount("first", first);
    return [...(await this.services.referrers(object.locator, first)).rows];
  }

  @FieldResolver(() => [String], {
    description:
      "Schemas that hold it. A hold that no row uses is released by the next run of the collector.",
  })
  async holds(@Root() object: StoredObject): Promise<string[]> {
    return [...(await this.services.referrers(object.locator, 1)).heldBy];
  }

  @FieldResolver(() => [AuditEntry], { description: "What was done to it, the oldest first." })
  async audit(
    @Root() { locator }: StoredObject,
    @Arg("first", () => Int, { defaultValue: 100 }) first: number,
  ): Promise<AuditEntry[]> {
    checkCount("first", first);
    return (await listAudit(this.services.db, { locator, first, after: null })).nodes;
  }
}

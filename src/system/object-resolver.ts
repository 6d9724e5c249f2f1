/** Objects and who refers to them. */

import { Arg, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from "type-graphql";
import { ServiceError } from "../errors.ts";
import { requireRight } from "./guard.ts";
import { findObject, listObjects } from "./object-list.ts";
import type { SystemContext, SystemServices } from "./services.ts";
import { ObjectPage, Referrer, StoredObject } from "./types.ts";

const mostRows = 1000;

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
  ): Promise<ObjectPage> {
    requireRight(context, "READ");
    checkCount("first", first);
    return listObjects(this.services.db, { first, after, prefix, unreferenced });
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
    return [...(await this.services.referrers(object.locator, first))];
  }
}

function checkCount(field: string, count: number): void {
  if (count >= 1 && count <= mostRows) return;
  throw new ServiceError("LIMIT_EXCEEDED", `${field} is ${count}; it must be from 1 to ${mostRows}.`, {
    details: { field, value: count, limit: mostRows },
  });
}

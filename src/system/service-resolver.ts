/** Stores, codecs, the model, the plan, and how the service is. */

import { Arg, Ctx, Mutation, Query, Resolver } from "type-graphql";
import { verifyStore } from "../store/verify.ts";
import { describeCodec } from "./describe-codec.ts";
import { requireRight } from "./guard.ts";
import type { SystemContext, SystemServices } from "./services.ts";
import { acceptStore, listStores } from "./store-list.ts";
import { Change, Check, Health, LoadedCodec, ModelInService, Store, TableDifference } from "./types.ts";

@Resolver()
export class ServiceResolver {
  private readonly services: SystemServices;

  constructor(services: SystemServices) {
    this.services = services;
  }

  @Query(() => [Store], { description: "The configured stores." })
  async stores(@Ctx() context: SystemContext): Promise<Store[]> {
    requireRight(context, "READ");
    return listStores(this.services);
  }

  @Mutation(() => [Check], {
    description:
      "Tries on one store what the service asks of it, with an object that is gone afterwards. Needs ADMIN.",
  })
  async verifyStore(
    @Ctx() context: SystemContext,
    @Arg("name", () => String) name: string,
  ): Promise<Check[]> {
    requireRight(context, "ADMIN");
    return verifyStore(this.services.stores.get(name), context.signal);
  }

  @Mutation(() => Check, {
    description:
      "Takes the location of a store as it is for that store, after its marker was lost or the database restored. Needs ADMIN.",
  })
  async acceptStore(@Ctx() context: SystemContext, @Arg("name", () => String) name: string): Promise<Check> {
    requireRight(context, "ADMIN");
    return acceptStore(this.services.stores.get(name), context.signal);
  }

  @Query(() => [LoadedCodec], { description: "The loaded codecs." })
  codecs(@Ctx() context: SystemContext): LoadedCodec[] {
    requireRight(context, "READ");
    const { codecs, codecSources } = this.services;
    return codecs.map((codec) => describeCodec(codec, codecSources.get(codec.name) ?? ""));
  }

  @Query(() => ModelInService, { description: "The model that is being served." })
  model(@Ctx() context: SystemContext): ModelInService {
    requireRight(context, "READ");
    const { model, source, apiSdl } = this.services.served();
    const entities = model.entities.map((entity) => ({ ...entity, partOf: entity.partOf ?? null }));
    return { schema: model.schema, version: model.version, entities, source, apiSdl };
  }

  @Query(() => Health, { description: "How the service is, looked at now." })
  async health(@Ctx() context: SystemContext): Promise<Health> {
    requireRight(context, "READ");
    const checks = [...(await this.services.checks())];
    const { version, startedAt } = this.services;
    return { ready: checks.every(({ ok }) => ok), version, startedAt, checks };
  }

  @Query(() => [Change], { description: "What `apply` would run." })
  async plan(@Ctx() context: SystemContext): Promise<Change[]> {
    requireRight(context, "READ");
    return [...(await this.services.plan())];
  }

  @Query(() => [TableDifference], { description: "Where the tables differ from the model." })
  async drift(@Ctx() context: SystemContext): Promise<TableDifference[]> {
    requireRight(context, "READ");
    return [...(await this.services.drift())];
  }

  @Mutation(() => [Change], {
    description: "Makes the tables follow the schema file, in one transaction. Needs ADMIN.",
  })
  async apply(
    @Ctx() context: SystemContext,
    @Arg("allowDestructive", () => Boolean, { defaultValue: false }) allowDestructive: boolean,
  ): Promise<Change[]> {
    requireRight(context, "ADMIN");
    return [...(await this.services.apply({ allowDestructive }))];
  }
}

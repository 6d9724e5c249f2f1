/** What plugins bring, and what is wrong with them. */

import { Ctx, Query, Resolver } from "type-graphql";
import { requireRight } from "./guard.ts";
import { BrokenPluginType, LoadedDriver } from "./plugin-types.ts";
import type { SystemContext, SystemServices } from "./services.ts";

@Resolver()
export class PluginResolver {
  private readonly services: SystemServices;

  constructor(services: SystemServices) {
    this.services = services;
  }

  @Query(() => [LoadedDriver], { description: "The drivers that plugins bring, beside those of Holdfast." })
  drivers(@Ctx() context: SystemContext): LoadedDriver[] {
    requireRight(context, "READ");
    return this.services.drivers.map(({ plugin: { protocol, version, summary }, source }) => ({
      protocol,
      version,
      summary,
      source,
    }));
  }

  @Query(() => [BrokenPluginType], { description: "Codecs and drivers that are not in service, and why." })
  brokenPlugins(@Ctx() context: SystemContext): BrokenPluginType[] {
    requireRight(context, "READ");
    return this.services.brokenPlugins.map((plugin) => ({ ...plugin }));
  }
}

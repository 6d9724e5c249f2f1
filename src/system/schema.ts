/** The system API: Holdfast's own GraphQL endpoint. The only folder with decorators. */

import "reflect-metadata";
import type { GraphQLSchema } from "graphql";
import { buildSchema, type ClassType, type ContainerType } from "type-graphql";
import { CapabilityResolver } from "./capability-resolver.ts";
import { CodecChangeResolver } from "./codec-change-resolver.ts";
import { CollectorResolver } from "./collector/resolver.ts";
import { ObjectResolver } from "./object-resolver.ts";
import { PluginResolver } from "./plugin-resolver.ts";
import { ServiceResolver } from "./service-resolver.ts";
import type { SystemServices } from "./services.ts";
import { UploadResolver } from "./upload-resolver.ts";

/** Builds the schema of `/system/graphql` over `services`. */
export async function createSystemSchema(services: SystemServices): Promise<GraphQLSchema> {
  const resolvers = new Map<unknown, object>([
    [CollectorResolver, new CollectorResolver(services)],
    [CapabilityResolver, new CapabilityResolver(services)],
    [ObjectResolver, new ObjectResolver(services)],
    [PluginResolver, new PluginResolver(services)],
    [ServiceResolver, new ServiceResolver(services)],
    [CodecChangeResolver, new CodecChangeResolver(services)],
    [UploadResolver, new UploadResolver(services)],
  ]);
  const container: ContainerType = { get: (resolver: ClassType) => resolvers.get(resolver) };
  return buildSchema({
    resolvers: [
      CapabilityResolver,
      CollectorResolver,
      ObjectResolver,
      PluginResolver,
      ServiceResolver,
      CodecChangeResolver,
      UploadResolver,
    ],
    container,
    validate: false,
    // Asked for wherever there are subscriptions; ours bring their own streams.
    pubSub: { publish: () => undefined, subscribe: noTopics },
  });
}

function noTopics(): never {
  throw new TypeError("Subscriptions of the system API have no topics.");
}

/** The schema alone, to be printed: that calls no resolver, so the services are never asked. */
export function describeSystemSchema(): Promise<GraphQLSchema> {
  return createSystemSchema({} as SystemServices);
}

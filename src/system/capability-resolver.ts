/** The keys that sign data and upload URLs: rotation and revocation. */

import { GraphQLDateTimeISO } from "graphql-scalars";
import { Arg, Ctx, Field, ID, Mutation, ObjectType, Query, Resolver } from "type-graphql";
import type { CapabilityKeyState } from "../object/capability-rotation.ts";
import { requireRight } from "./guard.ts";
import type { SystemContext, SystemServices } from "./services.ts";

@ObjectType({ description: "A key that signs the URLs of values and uploads, without its secret." })
class CapabilityKey implements CapabilityKeyState {
  @Field(() => ID)
  id!: string;

  @Field(() => String, {
    description:
      "`PENDING`: signs once every replica knows it, within seconds. `CURRENT`: signs. `PREVIOUS`: signs no more, its URLs are good. `REVOKED`: its URLs open nothing.",
  })
  state!: CapabilityKeyState["state"];

  @Field(() => GraphQLDateTimeISO)
  createdAt!: Date;

  @Field(() => GraphQLDateTimeISO, { nullable: true })
  revokedAt!: Date | null;

  @Field(() => GraphQLDateTimeISO, {
    nullable: true,
    description: "When the last URL that a `PREVIOUS` key has signed expires; null for the others.",
  })
  lastExpiryAt!: Date | null;
}

@Resolver()
export class CapabilityResolver {
  private readonly services: SystemServices;

  constructor(services: SystemServices) {
    this.services = services;
  }

  @Query(() => [CapabilityKey], {
    description: "The keys that sign the URLs of values and uploads, oldest first. Needs ADMIN.",
  })
  async capabilityKeys(@Ctx() context: SystemContext): Promise<CapabilityKey[]> {
    requireRight(context, "ADMIN");
    return [...(await this.services.capabilityKeys.list())];
  }

  @Mutation(() => CapabilityKey, {
    description:
      "Makes a key that signs new URLs within seconds, on every replica. URLs that are out live on until they expire. Needs ADMIN.",
  })
  async rotateCapabilityKey(@Ctx() context: SystemContext): Promise<CapabilityKey> {
    requireRight(context, "ADMIN");
    return this.services.capabilityKeys.rotate(context.principal.name);
  }

  @Mutation(() => CapabilityKey, {
    description:
      "Ends every URL that the key has signed, on every replica within seconds; when no key is left a new one is made. Idempotent. Needs ADMIN.",
  })
  async revokeCapabilityKey(
    @Ctx() context: SystemContext,
    @Arg("id", () => ID) id: string,
  ): Promise<CapabilityKey> {
    requireRight(context, "ADMIN");
    return this.services.capabilityKeys.revoke(id, context.principal.name);
  }
}

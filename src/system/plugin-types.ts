/** GraphQL types of plugins. */

import { Field, Int, ObjectType, registerEnumType } from "type-graphql";

export const pluginKinds = { CODEC: "codec", DRIVER: "driver" } as const;
registerEnumType(pluginKinds, { name: "PluginKind", description: "A codec, or a driver of stores." });

@ObjectType("BrokenPlugin", {
  description: "A codec or driver that is not in service; only fields and stores that use it suffer.",
})
export class BrokenPluginType {
  @Field(() => pluginKinds)
  kind!: (typeof pluginKinds)[keyof typeof pluginKinds];

  @Field(() => String, { description: "What it is called, as far as that can be told." })
  name!: string;

  @Field(() => String, { description: "File or package that it comes from." })
  source!: string;

  @Field(() => String)
  problem!: string;

  @Field(() => String)
  remedy!: string;
}

@ObjectType("Driver", { description: "A driver of stores that a plugin brings." })
export class LoadedDriver {
  @Field(() => String, { description: "`protocol` of the stores that it serves." })
  protocol!: string;

  @Field(() => Int)
  version!: number;

  @Field(() => String)
  summary!: string;

  @Field(() => String, { description: "File or package that it comes from." })
  source!: string;
}

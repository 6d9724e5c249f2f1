import type { Logger } from "pino";
import type { CapabilityRotation } from "../../object/capability-rotation.ts";
import type { SystemServices } from "../../system/services.ts";

/** Who ended URLs, and when, must be found afterwards. */
export function loggedRotation(
  { list, rotate, revoke }: CapabilityRotation,
  logger: Logger,
): SystemServices["capabilityKeys"] {
  return {
    list,
    rotate: async (by) => {
      const key = await rotate();
      logger.warn({ key: key.id, by }, "a capability key was made");
      return key;
    },
    revoke: async (id, by) => {
      const key = await revoke(id);
      logger.warn({ key: key.id, by }, "a capability key is revoked");
      return key;
    },
  };
}

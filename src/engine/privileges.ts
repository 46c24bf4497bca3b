// What the server gives up of root's powers at its start, before it has threads that would keep them.
import { CapabilityNumber, dropCapability } from "../linux/capabilities.ts";

/**
 * From here on the kernel holds writes to the quotas of who owns the file: data is written as the server, and with
 * CAP_SYS_RESOURCE no quota would count. Nothing here needs that power for anything else.
 */
export function keepToQuotas(): void {
  dropCapability(CapabilityNumber.SYS_RESOURCE);
}

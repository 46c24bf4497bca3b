// The capability that the server drops at start, before it has threads, whose capability sets are their own.
import { CapabilityNumber, dropCapability } from "../linux/capabilities.ts";

/**
 * Drops CAP_SYS_RESOURCE, with which the kernel ignores disk quotas: data is written as the server, and must
 * count against the quota of the file's owner. The server needs the capability for nothing else.
 */
export function dropQuotaOverride(): void {
  dropCapability(CapabilityNumber.SYS_RESOURCE);
}

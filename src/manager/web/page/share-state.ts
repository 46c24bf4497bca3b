// What is the matter with a share.
import type { ParameterFault, Share } from "./model.ts";

/** An error, else a warning; what is information alone needs nobody's hand. */
export function worstFaultOf({ faults }: Pick<Share, "faults">): ParameterFault | undefined {
  return faults.find(({ kind }) => kind === "error") ?? faults.find(({ kind }) => kind === "warning");
}

/** Clients do not find it, though nothing is wrong with what is written: its disk is away. */
export function isAway(share: Pick<Share, "kind" | "isServed" | "faults">): boolean {
  return share.kind === "share" && !share.isServed && worstFaultOf(share) === undefined;
}

/** The shares of plugged-in disks are as their rule says. */
export function canChange({ isEditable, kind }: Pick<Share, "isEditable" | "kind">): boolean {
  return isEditable && kind !== "disk";
}

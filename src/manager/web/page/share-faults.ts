// What testparm says of a share, in the order of what matters.
import type { ParameterFault, Share } from "./model.ts";

/** An error, else a warning; what is information alone needs nobody's hand. */
export function worstFaultOf({ faults }: Pick<Share, "faults">): ParameterFault | undefined {
  return faults.find(({ kind }) => kind === "error") ?? faults.find(({ kind }) => kind === "warning");
}

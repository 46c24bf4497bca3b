// Names that make an object HIDDEN whatever is stored of it; smb.conf(5): hide files, hide dot files.
import type { ShareGrant } from "../../port/port.ts";
import { type Veto, compileVeto } from "./veto.ts";

// One test for each snapshot of the configuration: grants are frozen, and go with their last tree connect.
const tests = new WeakMap<readonly string[], { readonly matches: Veto | undefined }>();

/** Whether the name alone makes an object HIDDEN: a dot file, or one of the share's patterns. */
export function isHiddenByName(name: string, grant: ShareGrant): boolean {
  if (name === "" || name === "." || name === "..") return false;
  if (grant.hideDotFiles && name.startsWith(".")) return true;
  const patterns = grant.hiding.files;
  if (patterns.length === 0) return false;
  let known = tests.get(patterns);
  if (known === undefined) tests.set(patterns, (known = { matches: compileVeto(patterns) }));
  return known.matches?.(name) === true;
}

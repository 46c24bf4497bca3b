// Names that do not exist for clients: the share's `veto files`, patterns with `*` and `?`, compared without case.
import { foldName } from "./names.ts";
import type { ShareGrant } from "../../../port/port.ts";

/** Answers whether a name (as clients see it) is vetoed. */
export type Veto = (name: string) => boolean;

/** A test for the patterns of a share, or undefined where there are none. */
export function compileVeto(patterns: readonly string[]): Veto | undefined {
  const folded = patterns.filter((pattern) => pattern !== "").map(foldName);
  if (folded.length === 0) return undefined;
  return (name) => {
    const upper = foldName(name);
    return folded.some((pattern) => matchesWildcard(pattern, upper));
  };
}

// Two pointers and the last star: at worst pattern times name, whatever a client calls its files.
function matchesWildcard(pattern: string, name: string): boolean {
  let p = 0;
  let star = -1;
  let starAt = 0;
  for (let n = 0; n < name.length;) {
    const wanted = pattern[p];
    if (wanted === "*") {
      star = p++;
      starAt = n;
    } else if (wanted !== undefined && (wanted === "?" || wanted === name[n])) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++starAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

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

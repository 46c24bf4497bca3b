// Patterns for names with `*` and `?`, compared without case: `veto files` and `hide files` of smb.conf(5).
import { foldName } from "./names.ts";
import type { ShareGrant } from "../../../port/port.ts";

/** True for a name (as clients see it) that matches a pattern. */
export type Veto = (name: string) => boolean;

/** Compiles patterns to a test; undefined where there are none. */
export function compileVeto(patterns: readonly string[]): Veto | undefined {
  const folded = patterns.filter((pattern) => pattern !== "").map(foldName);
  if (folded.length === 0) return undefined;
  return (name) => {
    const upper = foldName(name);
    return folded.some((pattern) => matchesWildcard(pattern, upper));
  };
}

// Backtracks to the last star only: at worst pattern length times name length, whatever names a client
// chooses.
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

// One compiled test per list of patterns; grants are frozen, and are collected after their last tree connect.
const tests = new WeakMap<readonly string[], { readonly matches: Veto | undefined }>();

/** True where the name alone makes an object HIDDEN: a dot file, or a match of the share's `hide files`. */
export function isHiddenByName(name: string, grant: ShareGrant): boolean {
  if (name === "" || name === "." || name === "..") return false;
  if (grant.hideDotFiles && name.startsWith(".")) return true;
  const patterns = grant.hiding.files;
  if (patterns.length === 0) return false;
  let known = tests.get(patterns);
  if (known === undefined) tests.set(patterns, (known = { matches: compileVeto(patterns) }));
  return known.matches?.(name) === true;
}

// Search patterns of QUERY_DIRECTORY: match names, short names, and for a Mac also their composed form.
// [MS-FSA] 2.1.5.6.3, 2.1.4.4.
import { compileExpression, hasWildcard } from "../../../wire/fscc/expression.ts";
import type { FileStore } from "../../vfs/store.ts";

const asciiOnly = /^[\u0000-\u007f]*$/;
const everything: ReadonlySet<string> = new Set(["*", "*.*", ""]);

/**
 * The only name that the pattern can match, where it has no wildcards: it is looked up and not searched for.
 */
export function exactName(pattern: string): string | undefined {
  const isOfMany = pattern === "" || pattern === "." || pattern === ".." || hasWildcard(pattern);
  return isOfMany ? undefined : pattern;
}

/** Returns a predicate on names. Throws WireError for a pattern that is too long. */
export function compilePattern(
  pattern: string,
  store: Pick<FileStore, "shortNameOf" | "isForMac"> | undefined,
): (name: string) => boolean {
  const matches = compileExpression(pattern);
  if (store === undefined || everything.has(pattern)) return matches;
  return (name) => {
    if (matches(name)) return true;
    const short = store.shortNameOf?.(name) ?? "";
    if (short !== "" && matches(short)) return true;
    return store.isForMac && !asciiOnly.test(name) && matches(name.normalize("NFC"));
  };
}

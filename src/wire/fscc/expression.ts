// Matching of names against DOS wildcards, as file systems of Windows do it.
// [MS-FSA] 2.1.4.4 "Algorithm for Determining if a FileName Is in an Expression". Time is name length × pattern length.
import { wireError } from "../cursor.ts";
import { upcase } from "./upcase.ts";

const STAR = 0x2a;
const QUESTION = 0x3f;
const DOT = 0x2e;
/** `<`: as `*`, but never over the name's last dot. */
const DOS_STAR = 0x3c;
/** `>`: one character; nothing before a dot and at the end of the name. */
const DOS_QM = 0x3e;
/** `"`: a dot, or nothing at the end of the name. */
const DOS_DOT = 0x22;

/** True when the text holds a wildcard, and therefore is an expression and no file name. */
export function hasWildcard(text: string): boolean {
  return /[*?<>"]/.test(text);
}

// No name is longer than 255 units; wildcards that match nothing may make a sensible pattern a little longer.
const MAX_LENGTH = 512;

/**
 * The test that an expression makes of a name, compiled once for a whole listing. Not case-sensitive unless told so.
 * Throws WireError for an expression longer than any name can need.
 */
export function compileExpression(expression: string, caseSensitive = false): (name: string) => boolean {
  // 2.1.4.4 part 1 has "*.*" mean every name, with a dot or not; no pattern means "*" (2.1.5.6.3).
  if (expression === "*" || expression === "*.*" || expression === "") return () => true;
  if (expression.length > MAX_LENGTH) throw wireError("search pattern too long");
  const fold = caseSensitive ? (text: string) => text : upcase;
  const pattern = fold(expression);
  if (!hasWildcard(pattern)) return (name) => fold(name) === pattern;
  return (name) => matches(pattern, fold(name));
}

/** One test; for many names against one expression use `compileExpression`. */
export function isNameInExpression(expression: string, name: string, caseSensitive = false): boolean {
  return compileExpression(expression, caseSensitive)(name);
}

// All places of the pattern that the name read so far can have reached, one byte each: never a recursion.
let current = new Uint8Array(260);
let following = new Uint8Array(260);

function matches(pattern: string, name: string): boolean {
  const end = pattern.length;
  if (current.length <= end) {
    current = new Uint8Array(end + 1);
    following = new Uint8Array(end + 1);
  }
  const lastDot = name.lastIndexOf(".");
  current.fill(0, 0, end + 1);
  current[0] = 1;
  for (let i = 0; i < name.length; i++) {
    following.fill(0, 0, end + 1);
    if (!step(pattern, name.charCodeAt(i), i === lastDot)) return false;
    const swap = current;
    current = following;
    following = swap;
  }
  for (let at = 0; at < end; at++) {
    if (current[at] === 1 && matchesNothing(pattern.charCodeAt(at))) current[at + 1] = 1;
  }
  return current[end] === 1;
}

/** Reads one character of the name from `current` into `following`; false when no place is left. */
function step(pattern: string, unit: number, isLastDot: boolean): boolean {
  let any = false;
  for (let at = 0; at < pattern.length; at++) {
    if (current[at] !== 1) continue;
    const wanted = pattern.charCodeAt(at);
    if (wanted === STAR || wanted === DOS_STAR) {
      // Matching nothing: the next place of the pattern looks at the same character.
      current[at + 1] = 1;
      if (wanted === STAR || !isLastDot) {
        following[at] = 1;
        any = true;
      }
    } else if (wanted === DOS_QM && unit === DOT) {
      current[at + 1] = 1;
    } else if (
      wanted === QUESTION ||
      wanted === DOS_QM ||
      wanted === unit ||
      (wanted === DOS_DOT && unit === DOT)
    ) {
      following[at + 1] = 1;
      any = true;
    }
  }
  return any;
}

/** What may stand in a pattern behind the end of the name. */
function matchesNothing(wanted: number): boolean {
  return wanted === STAR || wanted === DOS_STAR || wanted === DOS_QM || wanted === DOS_DOT;
}

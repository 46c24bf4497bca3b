// Matches names against patterns with DOS wildcards, as Windows file systems do, in time name length ×
// pattern length. [MS-FSA] 2.1.4.4 "Algorithm for Determining if a FileName Is in an Expression".
import { wireError } from "../cursor.ts";
import { upcase } from "./upcase.ts";

const STAR = 0x2a;
const QUESTION = 0x3f;
const DOT = 0x2e;
/** `<`: like `*`, but ends with the last dot of the name, which it may match. */
const DOS_STAR = 0x3c;
/** `>`: matches one character, or nothing before a dot and at the end of the name. */
const DOS_QM = 0x3e;
/** `"`: matches a dot, or nothing at the end of the name. */
const DOS_DOT = 0x22;

/** Whether the text contains a wildcard, which file names cannot. */
export function hasWildcard(text: string): boolean {
  return /[*?<>"]/.test(text);
}

// Names have at most 255 UTF-16 units; wildcards that match nothing make useful patterns somewhat longer.
const MAX_LENGTH = 512;

/**
 * Compiles an expression into a predicate of names, for a whole listing. Throws WireError for an expression
 * of more than 512 UTF-16 units.
 */
export function compileExpression(expression: string, caseSensitive = false): (name: string) => boolean {
  // "*.*" matches names without a dot too ([MS-FSA] 2.1.4.4 part 1); an empty pattern means "*" (2.1.5.6.3).
  if (expression === "*" || expression === "*.*" || expression === "") return () => true;
  if (expression.length > MAX_LENGTH) throw wireError("search pattern too long");
  const fold = caseSensitive ? (text: string) => text : upcase;
  const pattern = fold(expression);
  if (!hasWildcard(pattern)) return (name) => fold(name) === pattern;
  return (name) => matches(pattern, fold(name));
}

/** Matches one name; to match many names use `compileExpression`. */
export function isNameInExpression(expression: string, name: string, caseSensitive = false): boolean {
  return compileExpression(expression, caseSensitive)(name);
}

// Flags of the pattern positions that the name read so far can have reached (a nondeterministic automaton, so
// that no pattern needs backtracking).
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

/** Advances from `current` to `following` by one character of the name; false when no position is left. */
function step(pattern: string, unit: number, isLastDot: boolean): boolean {
  let any = false;
  for (let at = 0; at < pattern.length; at++) {
    if (current[at] !== 1) continue;
    const wanted = pattern.charCodeAt(at);
    if (wanted === STAR || wanted === DOS_STAR) {
      // The wildcard matches nothing: the next pattern position tries the same character.
      current[at + 1] = 1;
      if (wanted === STAR || !isLastDot) following[at] = 1;
      else following[at + 1] = 1;
      any = true;
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

/** Whether a pattern character matches the empty rest at the end of a name. */
function matchesNothing(wanted: number): boolean {
  return wanted === STAR || wanted === DOS_STAR || wanted === DOS_QM || wanted === DOS_DOT;
}

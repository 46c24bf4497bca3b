// Search patterns and names of the recorded answers of smbd 4.17; see test/peer/record-patterns.ts.
import { join } from "node:path";

/** gzip; for each of `patterns` a bit for each of PATTERN_NAMES, the lowest bit of a byte first. */
export const RECORDED_PATTERNS: string = join(import.meta.dir, "../../vectors/search-patterns-samba.gz");

/** Names that smbd shows as they are: no dot or blank at the end. */
export const PATTERN_NAMES: readonly string[] = [
  ...["a", "b", "aa", "ab", "ba", "aaa", "aab", "baa", "aaaa", "aaaaa", "aaaaaa", "abcdef"],
  ...["a.a", "a.b", "b.a", "b.b", "aa.a", "a.aa", "aa.aa", "ab.ba", "aaa.aaa", "aaaa.a", "a.aaaa"],
  ...[".a", ".b", ".aa", "..a", "...a", ".a.a", "a..a", "aa..a", "a...a"],
  ...["a.a.a", "a.b.a", "aa.a.a", "a.aa.a", "a.a.aa", "a.a.a.a", "a.a.a.a.a", "b.b.b"],
];

/** Every pattern of one to five marks. */
export function* patterns(): Generator<string> {
  const marks = ["<", ">", '"', "*", "?", ".", "a"];
  let shorter = [""];
  for (let length = 1; length <= 5; length++) {
    shorter = shorter.flatMap((pattern) => marks.map((mark) => pattern + mark));
    yield* shorter;
  }
}

// The corpus of the fuzzers: one message a line in hexadecimal, without transport header, before a `#` and the command
// and status that it was kept for. Messages name the share's own files; see life.ts.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { statusName } from "../../src/wire/status.ts";
import type { Answer } from "./life.ts";

const FILE = join(import.meta.dir, "corpus", "messages.txt");
/** Longer messages are not kept. */
const MAX_KEPT_BYTES = 600;

export interface Kept {
  readonly bytes: Uint8Array;
  /** `command/status`. */
  readonly key: string;
}

export function readCorpus(): Kept[] {
  if (!existsSync(FILE)) return [];
  const lines = readFileSync(FILE, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => {
    const [hex = "", key = ""] = line.split(" # ");
    return { bytes: Uint8Array.fromHex(hex), key: key.split(" ")[0] ?? "" };
  });
}

/** Adds the messages whose command and status the corpus lacks; returns their number. */
export function saveCorpus(corpus: readonly Kept[], answers: ReadonlyMap<string, Answer>): number {
  const known = new Set(corpus.map(({ key }) => key));
  const lines = corpus.map(({ bytes, key }) => lineOf(bytes, key));
  let added = 0;
  for (const [key, { message }] of answers) {
    if (known.has(key) || message === undefined || message.length > MAX_KEPT_BYTES) continue;
    lines.push(lineOf(message, key));
    added++;
  }
  writeFileSync(FILE, `${lines.sort().join("\n")}\n`);
  return added;
}

function lineOf(bytes: Uint8Array, key: string): string {
  return `${bytes.toHex()} # ${key} ${statusName(Number(key.split("/")[1]))}`;
}

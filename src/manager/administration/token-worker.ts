// Worker that changes ksmbd.tokens, because the event loop never waits for a disk.
import { outcomeOf, Refusal } from "../refusal.ts";
import { replaceFile } from "../replace-file.ts";
import { MAX_TOKENS, readTokens } from "./api-tokens.ts";
import type { StoredToken, TokenChange } from "./token-change.ts";

declare const self: Worker;

/** Three seconds in all. */
const LOCK_WAITS = 60;

self.onmessage = ({ data }: MessageEvent<TokenChange>) => {
  self.postMessage(outcomeOf(() => carryOut(data)));
};

function carryOut(change: TokenChange): void {
  const how = { file: change.file, name: "the file of tokens", mode: () => 0o600, waits: LOCK_WAITS };
  replaceFile(how, (put) => put(`${JSON.stringify(changed(readTokens(change.file), change))}\n`));
}

function changed(tokens: readonly StoredToken[], change: TokenChange): readonly StoredToken[] {
  if (change.kind === "add") {
    if (tokens.length >= MAX_TOKENS)
      throw new Refusal("too-many", `there are ${MAX_TOKENS} tokens already: remove one first`);
    return [...tokens, change.stored];
  }
  const { id } = change;
  if (!tokens.some((token) => token.id === id)) throw new Refusal("not-found", "there is no such token");
  if (change.kind === "remove") return tokens.filter((token) => token.id !== id);
  return tokens.map((token) => (token.id === id ? { ...token, usedDay: change.day } : token));
}

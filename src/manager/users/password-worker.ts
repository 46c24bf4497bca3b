// Worker that changes the password file, because the event loop never waits for a disk.
import { ConfigError } from "../config/parse.ts";
import { outcomeOf } from "../refusal.ts";
import type { PasswordChange } from "./password-change.ts";
import { findSpelling, updatePasswordFile } from "./password-file.ts";
import { changeUserInFile } from "./user-change.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<PasswordChange>) => {
  self.postMessage(outcomeOf(() => makeChange(event.data)));
};

function makeChange(change: PasswordChange): void {
  const { file, user } = change;
  switch (change.kind) {
    case "replace":
      return replaceHash(file, user, change.oldHash, change.newHash);
    case "set":
      return void changeUserInFile(file, user, change.hash, change.expected);
    case "delete":
      return void changeUserInFile(file, user, undefined, "present");
  }
}

function replaceHash(file: string, user: string, oldHash: string, newHash: string): void {
  updatePasswordFile(file, (table) => {
    const spelling = findSpelling(table, user);
    // Another program may have changed it since the proof.
    if (spelling === undefined || table.get(spelling) !== oldHash)
      throw new ConfigError(file, "the user has another password by now");
    table.set(spelling, newHash);
  });
}

// Worker that replaces the hash of one user in the password file, because the event loop never waits for a
// disk.
import { ConfigError } from "../config/parse.ts";
import type { PasswordChange, PasswordChangeAnswer } from "./password-change.ts";
import { findSpelling, updatePasswordFile } from "./password-file.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<PasswordChange>) => {
  self.postMessage(changePassword(event.data));
};

function changePassword({ file, user, oldHash, newHash }: PasswordChange): PasswordChangeAnswer {
  try {
    updatePasswordFile(file, (table) => {
      const spelling = findSpelling(table, user);
      // Another program may have changed it since the proof.
      if (spelling === undefined || table.get(spelling) !== oldHash)
        throw new ConfigError(file, "the user has another password by now");
      table.set(spelling, newHash);
    });
    return { fault: undefined };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

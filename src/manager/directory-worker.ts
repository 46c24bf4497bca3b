// Worker that stats one share's directory, so that only this thread waits for a disk that hangs.
import { lstatSync, statSync } from "node:fs";
import type { LookAnswer, LookRequest } from "./share-directory.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<LookRequest>) => {
  const { path, follows } = event.data;
  self.postMessage(look(path, follows));
};

function look(path: string, follows: boolean): LookAnswer {
  try {
    const found = follows ? statSync(path) : lstatSync(path);
    return {
      isDirectory: found.isDirectory(),
      isSymbolicLink: found.isSymbolicLink(),
      uid: found.uid,
      gid: found.gid,
    };
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? "EIO" };
  }
}

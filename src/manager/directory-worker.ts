// Worker that stats one share's directory, so that only this thread waits for a disk that hangs.
import { lstatSync, statSync } from "node:fs";
import type { StatAnswer, StatRequest } from "./share-directory.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<StatRequest>) => {
  const { path, follows } = event.data;
  self.postMessage(statPath(path, follows));
};

function statPath(path: string, follows: boolean): StatAnswer {
  try {
    const found = follows ? statSync(path) : lstatSync(path);
    return {
      isDirectory: found.isDirectory(),
      isSymbolicLink: found.isSymbolicLink(),
      mode: found.mode & 0o7777,
      uid: found.uid,
      gid: found.gid,
    };
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? "EIO" };
  }
}

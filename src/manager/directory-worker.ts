// Worker that stats one share's directory, so that only this thread waits for a disk that hangs.
import { walkDirectory } from "./directory-walk.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<string>) => self.postMessage(walkDirectory(event.data));

// Worker that unmounts a disk, so that only this thread waits for one that hangs.
import { unmountDisk, type UnmountQuestion } from "./unmount.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<UnmountQuestion>) => self.postMessage(unmountDisk(event.data));

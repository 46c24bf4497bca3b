// Worker that mounts disks, so that only this thread waits for them.
import { automount, type AutomountQuestion } from "./automount.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<AutomountQuestion>) => self.postMessage(automount(event.data));

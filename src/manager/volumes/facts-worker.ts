// Worker that finds out about disks, one after the other, so that only this thread waits for one that hangs.
import { findFacts, type VolumeQuestion } from "./volume-facts.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<VolumeQuestion>) => self.postMessage(findFacts(event.data));

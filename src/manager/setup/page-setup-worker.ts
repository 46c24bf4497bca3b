// Worker that carries out the first run on the web page, because the event loop never waits for a disk.
import { outcomeOf } from "../refusal.ts";
import { type PageSetup, setUpFromPage } from "./page-setup.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<PageSetup>) => {
  self.postMessage(outcomeOf(() => setUpFromPage(data)));
};

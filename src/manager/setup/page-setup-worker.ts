// Worker that carries out the first run on the web page, because the event loop never waits for a disk.
import { refusalCodeOf } from "../refusal.ts";
import { type PageSetup, setUpFromPage } from "./page-setup.ts";
import type { PageSetupAnswer } from "./page-setup-queue.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<PageSetup>) => {
  self.postMessage(answer(data));
};

function answer(setup: PageSetup): PageSetupAnswer {
  try {
    return { left: setUpFromPage(setup) };
  } catch (error) {
    return { fault: { code: refusalCodeOf(error), message: (error as Error).message } };
  }
}

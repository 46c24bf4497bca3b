// Worker that finds or makes the page's certificate, because the event loop never waits for a disk.
import { outcomeOf } from "../refusal.ts";
import { type CertificateQuestion, findCertificate } from "./certificate-source.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<CertificateQuestion>) => {
  self.postMessage(outcomeOf(() => findCertificate(data)));
};

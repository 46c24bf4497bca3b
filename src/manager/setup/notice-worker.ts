// Worker that withdraws the files with the first password: a boot partition on a worn card may take its time.
import { ConfigError } from "../config/parse.ts";
import { withdrawNotices } from "./notices.ts";
import { readSetupRecord } from "./setup-record.ts";

declare const self: Worker;

self.onmessage = ({ data: recordFile }: MessageEvent<string>) => {
  try {
    const record = readSetupRecord(recordFile);
    const fault = record?.isComplete === true ? withdrawNotices(recordFile, record) : undefined;
    self.postMessage({ fault });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!(error instanceof ConfigError) && code === undefined) throw error;
    self.postMessage({ fault: (error as Error).message });
  }
};

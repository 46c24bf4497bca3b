// Worker that writes the list of disks, so that only this thread waits for the flash.
import { ConfigError } from "../config/parse.ts";
import { replaceFile } from "../replace-file.ts";

declare const self: Worker;

export interface NamesFile {
  readonly file: string;
  readonly text: string;
}

self.onmessage = ({ data: { file, text } }: MessageEvent<NamesFile>) => {
  const how = { file, name: "the list of disks", mode: (old: number | undefined) => old ?? 0o644, waits: 0 };
  try {
    replaceFile(how, (put) => put(text));
    self.postMessage({ fault: undefined });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    self.postMessage({ fault: error.message });
  }
};

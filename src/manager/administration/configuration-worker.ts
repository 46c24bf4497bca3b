// Worker that shows, checks and changes the configuration, because the event loop never waits for a disk.
import { checkMachine, checkShare } from "../check/check-machine.ts";
import { ConfigError } from "../config/parse.ts";
import type { Note } from "../config/report.ts";
import { HostNames } from "../host-names.ts";
import { SystemAccountFiles } from "../users/system-accounts.ts";
import { UserDirectory } from "../users/user-directory.ts";
import { changeConfiguration } from "./change-configuration.ts";
import { checkPath } from "./check-path.ts";
import type { ConfigurationQuestion } from "./questions.ts";
import { read, type ServerFiles, viewConfiguration, viewDetail } from "./read-configuration.ts";
import { type Outcome, Refusal } from "../refusal.ts";
import { viewParameters } from "./views.ts";

declare const self: Worker;

self.onmessage = ({ data }: MessageEvent<ConfigurationQuestion>) => {
  self.postMessage(answer(data));
};

function answer(question: ConfigurationQuestion): Outcome<unknown> {
  try {
    return { value: find(question) };
  } catch (error) {
    if (error instanceof Refusal) return { refusal: { code: error.code, message: error.message } };
    if (error instanceof ConfigError) return { refusal: { code: "failed", message: error.message } };
    throw error;
  }
}

function find(question: ConfigurationQuestion): unknown {
  const { files } = question;
  switch (question.kind) {
    case "shares":
      return viewConfiguration(files, read(files), question.live);
    case "share": {
      const reading = read(files);
      return { etag: reading.etag, share: viewDetail(files, reading, question.live, question.name) };
    }
    case "settings": {
      const { etag, sections } = read(files);
      return { etag, parameters: viewParameters(sections, "global") ?? [] };
    }
    case "change":
      return { etag: changeConfiguration(files, question.change, question.etag).etag };
    case "check machine":
      return notesOfMachine(files, question.share);
    case "check path":
      return checkPath(question.path, read(files).loaded, files);
  }
}

/** What testparm says of directories, disks and names. Waits for the disks of the shares. */
function notesOfMachine(files: ServerFiles, share: string | undefined): readonly Note[] {
  const { loaded, sections, clients } = read(files);
  const users = new UserDirectory(files.passwordFile, loaded.users);
  const accounts = new SystemAccountFiles().read();
  const hostNames = new HostNames({ warn: () => undefined });
  const server = { configuration: loaded, sections, clients, users, accounts, hostNames };
  return share === undefined ? checkMachine(server) : checkShare(server, share);
}

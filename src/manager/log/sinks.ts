// Where log lines go: `log file` with its time and rotation, the journal with priorities, syslog for a server
// in the background, else standard output and standard error.
import { fstatSync } from "node:fs";
import { openDatagramSocket, sendDatagram } from "../../linux/datagram.ts";
import { closeFd } from "../../linux/open.ts";
import { LogFile } from "./log-file.ts";
import { type LogLevel, type LogSink, print } from "./log.ts";

/** Severities of syslog(3), which are the journal's priorities, too. */
const SEVERITIES: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };
/** LOG_LOCAL5, as ksmbd-tools use it. */
const FACILITY = 21;
const SYSLOG_SOCKET = "/dev/log";

export interface LogPlace {
  /** "" for none. */
  readonly file: string;
  /** The file is renamed to FILE.old beyond it; 0: never. */
  readonly maxBytes: number;
}

export class LogOutput {
  private readonly plain: LogSink;
  private file: LogFile | undefined;
  private readonly followers = new Set<LogSink>();

  /** `usesSyslog`: the server has no terminal and no parent that reads its output. */
  constructor(usesSyslog: boolean, environment: Readonly<Record<string, string | undefined>> = process.env) {
    this.plain = (usesSyslog ? makeSyslog() : undefined) ?? (isJournal(environment) ? printJournal : print);
  }

  /** Bound, so that it can be passed on. */
  readonly write: LogSink = (level, text) => {
    if (this.file === undefined) this.plain(level, text);
    else this.file.write(level, text);
    for (const follower of this.followers) follower(level, text);
  };

  /** Also passes each line to the follower; returns how to end that. Bound, so that it can be passed on. */
  readonly follow = (follower: LogSink): (() => void) => {
    this.followers.add(follower);
    return () => void this.followers.delete(follower);
  };

  /** Opens another file, or the same one again, after a rename by logrotate. */
  place({ file, maxBytes }: LogPlace): void {
    this.file?.end();
    // `log.%m`: smbd has a file for each client.
    const path = file.replaceAll(/%[a-zA-Z]/g, "minismbd");
    this.file =
      path === "" ? undefined : new LogFile(path, maxBytes, (lines) => void process.stderr.write(lines));
  }

  /** Resolves when the lines are written. */
  async flush(): Promise<void> {
    await this.file?.flush();
  }
}

/** True where standard error is the journal's socket: systemd.exec(5), JOURNAL_STREAM. */
function isJournal({ JOURNAL_STREAM }: Readonly<Record<string, string | undefined>>): boolean {
  if (JOURNAL_STREAM === undefined) return false;
  try {
    const { dev, ino } = fstatSync(2);
    return JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    return false;
  }
}

/** sd-daemon(3): the journal takes the priority from the line. */
function printJournal(level: LogLevel, text: string): void {
  process.stderr.write(`<${SEVERITIES[level]}>${text}\n`);
}

export function makeSyslog(path = SYSLOG_SOCKET): LogSink | undefined {
  let fd = openDatagramSocket(path);
  if (fd < 0) return undefined;
  return (level, text) => {
    const line = `<${FACILITY * 8 + SEVERITIES[level]}>ksmbd[${process.pid}]: ${text}`;
    if (sendDatagram(fd, line) === 0) return;
    // The daemon may have been started anew.
    const next = openDatagramSocket(path);
    if (next < 0) return;
    closeFd(fd);
    fd = next;
    sendDatagram(fd, line);
  };
}

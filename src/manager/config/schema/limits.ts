// Parameters of [global]: limits, time-outs, and features that can be switched off.
import { KIB, MIB, rowsOf } from "./parameter.ts";

const { flag, integer, size, text } = rowsOf("global");

const IO_SIZE = { defaultHelp: "64K to 4M, by memory", min: 64 * KIB, max: 8 * MIB };

export const LIMITS = [
  size("max connections", "256", "Concurrent connections; in a share (default 128): to that share.", {
    scope: "both",
    min: 1,
    max: 65_536,
  }),
  integer(
    "max ip connections",
    "32",
    "Concurrent connections from one address; beyond it the idlest one without open files is closed.",
    { min: 1, max: 65_536 },
  ),
  integer(
    "max unauthenticated connections",
    "",
    "Connections over which nobody has logged on with a password: beyond it the oldest without a log-on is closed, or a guest's without open files.",
    { defaultHelp: "seven eighths of `max connections`, which is also the most", min: 1, max: 65_536 },
  ),
  integer("max active sessions", "1024", "Concurrent sessions.", { min: 1, max: 65_536 }),
  integer("max user sessions", "", "Concurrent sessions of one user.", {
    defaultHelp: "seven eighths of `max active sessions`",
    min: 1,
    max: 65_536,
  }),
  integer(
    "max guest sessions",
    "",
    "Concurrent sessions of guests and anonymous users; half of them from one address, an eighth over one connection. Beyond it the oldest one without open files ends.",
    {
      defaultHelp: "a quarter of `max active sessions`; seven eighths at most",
      min: 1,
      max: 65_536,
    },
  ),
  integer(
    "max unfinished logons",
    "512",
    "Log-ons in progress; seven eighths of them from one address, a sixteenth over one connection. Beyond it the oldest one ends.",
    { min: 1, max: 65_536 },
  ),
  integer("max open files", "10000", "Open files of one client session.", { min: 1, max: 65_536 }),
  integer("max user open files", "", "Open files of one user, in all sessions.", {
    defaultHelp: "two thirds of the descriptors that are free for files",
    min: 1,
    max: 1_048_576,
  }),
  integer("max total open files", "", "Open files of all users.", {
    defaultHelp: "by the limit of descriptors (`ulimit -n`, systemd's LimitNOFILE)",
    min: 1,
    max: 1_048_576,
  }),
  integer("max locks per open", "10000", "Byte-range locks that one open file may hold and wait for.", {
    min: 1,
    max: 1_048_576,
  }),
  integer(
    "max locks per file",
    "65536",
    "Byte-range locks that all opens of one file together may hold and wait for.",
    { min: 1, max: 1_048_576 },
  ),
  integer(
    "max total locks",
    "",
    "Byte-range locks that all opens of all files together may hold and wait for; one user seven eighths of them.",
    { defaultHelp: "16384 to 1048576, by memory", min: 1, max: 16_777_216 },
  ),
  integer(
    "max waiting requests",
    "512",
    "Requests of one connection that may wait for a change of a folder, for a lock, or for another client's cache. Those of all connections together hold at most a quarter of `buffer budget`.",
    { min: 1, max: 65_536 },
  ),
  flag("change notify", "yes", "Report changes in a folder to clients that watch it."),
  flag("kernel change notify", "yes", "Also report changes made by programs on the server."),
  integer("max notify handles", "1024", "Folders that one client session may watch.", {
    min: 1,
    max: 65_536,
  }),
  integer(
    "max notify watches",
    "8192",
    "Folders that the kernel watches for changes by programs on the server, sub-folders included; about 1 KiB of memory each.",
    { min: 0, max: 1_048_576 },
  ),
  integer("max outstanding requests", "512", "Requests of one connection in progress at once.", {
    min: 1,
    max: 65_536,
  }),
  integer("smb2 max credits", "8192", "Credits that one connection may hold.", { min: 1, max: 65_535 }),
  size("smb2 max read", "", "Longest read.", IO_SIZE),
  size("smb2 max write", "", "Longest write.", IO_SIZE),
  size("smb2 max trans", "", "Longest data of any other request or reply.", IO_SIZE),
  size("buffer budget", "", "Memory for requests and replies in progress, for all connections together.", {
    defaultHelp: "an eighth of the memory, 4M to 256M",
    min: MIB,
    max: 1024 * 1024 * MIB,
    reload: "restart",
  }),
  integer(
    "deadtime",
    "0",
    "Minutes without a request in a share after which a connection is closed that has no files open and watches no folder; after a day also one with files that are only read. 0: never.",
    { min: 0, max: 525_600 },
  ),
  text(
    "log level",
    "info",
    "error, warn, info or debug; or Samba's number: 0 to 3 and above. `COMPONENT:debug` after it has the debug lines of smb (a line for each request), auth, vfs, oplock, ipc, conn or all; debug alone has those of all but smb.",
    {
      aliases: ["debug level"],
    },
  ),
  text("log file", "", "Log lines go there, with their time, instead of to standard output.", {
    defaultHelp: "standard output and error; the journal; syslog where the server is in the background",
    isForRoot: true,
  }),
  integer(
    "max log size",
    "5000",
    "Size of `log file` in KiB, beyond which it is renamed to FILE.old; 0: never.",
    {
      min: 0,
      max: 1_048_576,
    },
  ),
  flag(
    "smb2 leases",
    "yes",
    "Grant leases: clients may cache files, and from SMB 3.0 on folders, until another client needs them.",
  ),
  integer(
    "volume timeout",
    "30",
    "Seconds that one disk operation may take before the client gets STATUS_IO_TIMEOUT. FLUSH, which a slow disk with much unwritten data takes minutes for, may take ten times as long, and longer while the kernel goes on writing to disks.",
    { min: 1, max: 600 },
  ),
  integer(
    "oplock break timeout",
    "35",
    "Seconds that a client has to give up an oplock or lease that another client waits for.",
    { min: 1, max: 600 },
  ),
  flag(
    "durable handles",
    "yes",
    "Open files survive a lost connection, and a restart of the server where they are unchanged.",
  ),
  flag("server multi channel support", "", "Sessions over several connections, from SMB 3.0 on.", {
    defaultHelp: "yes where the machine has several network interfaces",
  }),
] as const;

// The limits of what clients may take, as the README's table: who has how much, what answers beyond it, what stays for
// others, and the test that shows it ("path#title", as in src/wire/features.ts).

export interface Limit {
  /** What is counted. */
  readonly name: string;
  readonly per: "connection" | "session" | "user" | "address" | "file" | "share" | "server";
  /** Parameter of the configuration; absent: fixed. */
  readonly option?: string;
  readonly standard: string;
  /** What happens beyond the limit. */
  readonly beyond: string;
  /** What stays for others. */
  readonly reserve: string;
  readonly test: string;
}

const SESSION = "test/e2e/session";
const INSUFFICIENT = "`INSUFFICIENT_RESOURCES`";

const CONNECTIONS: readonly Limit[] = [
  {
    name: "connections",
    per: "server",
    option: "max connections",
    standard: "256",
    beyond: "one without a log-on closes, then a guest's without open files; else the new one closes",
    reserve: "an eighth for users that prove a password",
    test: `${SESSION}/crowd.attack.test.ts#a connection beyond \`max connections\` is closed, and served once others have closed`,
  },
  {
    name: "connections",
    per: "address",
    option: "max ip connections",
    standard: "32",
    beyond: "as above, among those of the address",
    reserve: "all but those that are logged on",
    test: `${SESSION}/admission.attack.test.ts#of one address that do not log on yield to one that does`,
  },
  {
    name: "connections",
    per: "user",
    standard: "seven eighths of `max connections`",
    beyond: `the log-on gets ${INSUFFICIENT}`,
    reserve: "an eighth for other users",
    test: `${SESSION}/admission.attack.test.ts#of one user leave an eighth to others: STATUS_INSUFFICIENT_RESOURCES`,
  },
  {
    name: "connections without a password",
    per: "server",
    option: "max unauthenticated connections",
    standard: "seven eighths of `max connections`; of guests half of `max connections`",
    beyond: "the oldest of the address with most of them closes",
    reserve: "the rest for users",
    test: `${SESSION}/admission.attack.test.ts#that do not log on yield to others, and a user's stays`,
  },
  {
    name: "keep-alives; CANCELs",
    per: "connection",
    standard: "64 a second; 64, after a log-on 4096",
    beyond: "the connection closes",
    reserve: "log-ons of others go on",
    test: `${SESSION}/free-messages.attack.test.ts#log-ons go on while eight clients send keep-alives at full speed, and these are closed`,
  },
];

const LOGONS: readonly Limit[] = [
  {
    name: "log-ons in progress",
    per: "server",
    option: "max unfinished logons",
    standard: "512; of an address seven eighths, of a connection a sixteenth",
    beyond: "the oldest of the largest holder ends: `USER_SESSION_DELETED`",
    reserve: "they take no place of a session",
    test: `${SESSION}/admission.attack.test.ts#32 on each of 32 connections, always renewed, hinder no log-on from the same address`,
  },
  {
    name: "failed log-ons, for `logon failure delay`",
    per: "server",
    standard: "256; of a user 32, of an address (IPv6: a /64) 16, of one user there 4",
    beyond: `the log-on waits for 4 s, then ${INSUFFICIENT}`,
    reserve: "who logged on there in the last 7 days needs a slot of his own only",
    test: `${SESSION}/guessing.attack.test.ts#of a user who logged on from this address before, while it has no slot left`,
  },
  {
    name: "sessions",
    per: "server",
    option: "max active sessions",
    standard: "1024",
    beyond: `a guest's without open files ends; else ${INSUFFICIENT}`,
    reserve: "see the next two",
    test: `${SESSION}/admission.attack.test.ts#a guest's session yields to them where \`max active sessions\` is reached`,
  },
  {
    name: "sessions",
    per: "user",
    option: "max user sessions",
    standard: "seven eighths of `max active sessions`",
    beyond: INSUFFICIENT,
    reserve: "an eighth for other users",
    test: `${SESSION}/admission.attack.test.ts#one beyond \`max user sessions\` fails with STATUS_INSUFFICIENT_RESOURCES, another user's goes on`,
  },
  {
    name: "sessions of guests and anonymous users",
    per: "server",
    option: "max guest sessions",
    standard: "a quarter of `max active sessions`; of an address half, of a connection an eighth of that",
    beyond: `the oldest without open files ends: \`USER_SESSION_DELETED\`; else ${INSUFFICIENT}`,
    reserve: "the rest for users",
    test: `${SESSION}/admission.attack.test.ts#beyond \`max guest sessions\` the oldest without open files ends, and none is admitted while all have some`,
  },
  {
    name: "channels",
    per: "session",
    standard: "32",
    beyond: INSUFFICIENT,
    reserve: "they count as connections of the user",
    test: `${SESSION}/limits.attack.test.ts#the 33rd channel of a session fails with STATUS_INSUFFICIENT_RESOURCES, and others go on`,
  },
];

const OPENS: readonly Limit[] = [
  {
    name: "tree connects",
    per: "session",
    standard: "1024",
    beyond: INSUFFICIENT,
    reserve: "each session has its own",
    test: `${SESSION}/limits.attack.test.ts#the 1,025th tree connect of a session fails with STATUS_INSUFFICIENT_RESOURCES, and others go on`,
  },
  {
    name: "connections",
    per: "share",
    option: "max connections",
    standard: "128",
    beyond: "`REQUEST_NOT_ACCEPTED`",
    reserve: "guests together, and any one user, leave an eighth",
    test: `${SESSION}/limits.attack.test.ts#of %s leave an eighth to others: STATUS_REQUEST_NOT_ACCEPTED`,
  },
  {
    name: "open files",
    per: "session",
    option: "max open files",
    standard: "10000",
    beyond: "`TOO_MANY_OPENED_FILES`",
    reserve: "each session has its own",
    test: `${SESSION}/descriptors.attack.test.ts#\`max open files\` limits a session, \`max user open files\` a user, \`max total open files\` all`,
  },
  {
    name: "open files",
    per: "user",
    option: "max user open files",
    standard: "two thirds of the descriptors that are free for files",
    beyond: "`TOO_MANY_OPENED_FILES`",
    reserve: "descriptors for other users and for the server",
    test: `${SESSION}/descriptors.attack.test.ts#a user who opens all files that he may leaves room for another`,
  },
  {
    name: "open files",
    per: "server",
    option: "max total open files",
    standard: "by the limit of descriptors",
    beyond: "`TOO_MANY_OPENED_FILES`",
    reserve: "descriptors for log-ons and for the server",
    test: `${SESSION}/descriptors.attack.test.ts#\`max open files\` limits a session, \`max user open files\` a user, \`max total open files\` all`,
  },
  {
    name: "pipes",
    per: "server",
    standard: "512; of a user 256, of guests and anonymous users together 128",
    beyond: INSUFFICIENT,
    reserve: "the rest for other users",
    test: `${SESSION}/limits.attack.test.ts#pipes of anonymous users and of one user leave some to others: STATUS_INSUFFICIENT_RESOURCES`,
  },
  {
    name: "byte-range locks",
    per: "file",
    option: "max locks per file",
    standard: "65536; of one open `max locks per open`, 10000",
    beyond: INSUFFICIENT,
    reserve: "none: one lock may cover the file",
    test: "test/e2e/open/locks.attack.test.ts#locks beyond `max locks per file` are refused, and those of other files are not",
  },
  {
    name: "byte-range locks",
    per: "server",
    option: "max total locks",
    standard: "16384 to 1048576, by memory; of a user seven eighths",
    beyond: INSUFFICIENT,
    reserve: "an eighth for other users",
    test: "test/e2e/open/locks.attack.test.ts#locks beyond `max total locks` are refused: one user leaves some to others",
  },
  {
    name: "watched folders",
    per: "session",
    option: "max notify handles",
    standard: "1024",
    beyond: INSUFFICIENT,
    reserve: "each session has its own",
    test: "test/e2e/notify/change-notify.attack.test.ts#beyond `max notify handles` of its session is refused until it closes one",
  },
  {
    name: "folders that the kernel watches",
    per: "server",
    option: "max notify watches",
    standard: "8192; below folders watched with sub-folders seven eighths",
    beyond: "changes by programs on the server are not reported there; a line in the log",
    reserve: "an eighth for the folders that clients name",
    test: "test/engine/vfs/watch/directory-watcher.test.ts#sub-folders of a recursive request leave an eighth of the limit to other folders",
  },
];

const REQUESTS: readonly Limit[] = [
  {
    name: "credits",
    per: "connection",
    option: "smb2 max credits",
    standard:
      "8192; all clients together twice `buffer budget`, each one largest request; 64 while the budget runs low",
    beyond: "no more are granted",
    reserve: "each connection has its own",
    test: `${SESSION}/header.attack.test.ts#a client that asks for 65,535 credits again and again is granted at most 8192`,
  },
  {
    name: "requests in progress",
    per: "connection",
    option: "max outstanding requests",
    standard: "512",
    beyond: "no more are read",
    reserve: "each connection has its own",
    test: `${SESSION}/limits.attack.test.ts#a connection with \`max outstanding requests\` in progress is not read until one ends, and others are`,
  },
  {
    name: "requests that wait for others",
    per: "connection",
    option: "max waiting requests",
    standard: "512",
    beyond: INSUFFICIENT,
    reserve: "each connection has its own",
    test: "test/e2e/notify/change-notify.attack.test.ts#beyond `max waiting requests` is refused; the requests that wait are answered",
  },
  {
    name: "bytes of requests that wait for others",
    per: "server",
    option: "buffer budget",
    standard: "a quarter of it",
    beyond: INSUFFICIENT,
    reserve: "a connection has as much as is still free",
    test: `${SESSION}/waiting-requests.attack.test.ts#waiting requests that are large get STATUS_INSUFFICIENT_RESOURCES before they hold the budget`,
  },
  {
    name: "bytes of requests and replies",
    per: "server",
    option: "buffer budget",
    standard: "an eighth of the memory, 4M to 256M",
    beyond: "connections with requests in progress are not read",
    reserve: "a connection without any is read",
    test: `${SESSION}/resources.attack.test.ts#ten clients that never read replies of 100 MiB each take less than 96 MiB`,
  },
];

export const LIMITS: readonly Limit[] = [...CONNECTIONS, ...LOGONS, ...OPENS, ...REQUESTS];

/** A Markdown section. */
export function limitsTable(): string {
  const lines = LIMITS.map(({ name, per, option, standard, beyond, reserve }) => {
    const by = option === undefined ? "fixed" : `\`${option}\``;
    return `| ${name} | ${per} | ${by} | ${standard} | ${beyond} | ${reserve} |`;
  });
  return (
    "### Limits\n\nWhat clients may take, and what stays for others. The log names the limit that refuses a connection, a log-on or an open file.\n\n" +
    `| what | of one | parameter | default | beyond it | reserve |\n| --- | --- | --- | --- | --- | --- |\n${lines.join("\n")}\n`
  );
}

// `minismbd setup`: the first start on a board, by hand or by minismbd-setup.service.
import { chownSync, mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { ownIds } from "../manager/credentials.ts";
import { shareNameFault } from "../manager/config/share-name.ts";
import { CONFIG_FILE, defaultConfigFile, PASSWORD_FILE } from "../manager/paths.ts";
import { type SetupOutcome, type SetupPlan, setUp } from "../manager/setup/first-setup.ts";
import { noticeText, usualNotices } from "../manager/setup/notices.ts";
import { SystemAccountFiles } from "../manager/users/system-accounts.ts";
import { userNameFault } from "../manager/users/user-name.ts";
import { type Arguments, CliError, describeOptions, type Option, parseArguments } from "./arguments.ts";
import { notifyRunningServer } from "./notify.ts";

const USER = "smb";

export const OPTIONS: readonly Option[] = [
  { long: "user", short: "u", value: "NAME", help: `the user's name, by default ${USER}` },
  {
    long: "directory",
    value: "NAME=PATH",
    help: "also share this directory, which is made if it is missing",
  },
  { long: "guest", help: "guests may read the shares" },
  {
    long: "web-port",
    value: "PORT",
    help: "also show the web page on this port, to which the user may log on ('web port')",
  },
  { long: "no-shares", help: "make the user and leave the configuration alone" },
  {
    long: "notice",
    value: "FILE",
    help: "also write the password into FILE, whose name is minismbd.txt, until the first log-on; may be repeated",
  },
  { long: "show", help: "print the password again, until the first log-on" },
  { long: "config", short: "C", value: "CONF", help: `the configuration, by default ${CONFIG_FILE}` },
  { long: "pwddb", short: "P", value: "PWDDB", help: `the users' file, by default ${PASSWORD_FILE}` },
  { long: "help", short: "h", help: "print this help" },
];

/** Windows refuses guests by itself, so that the log of the server says nothing. */
const GUEST_HINT =
  "Guests may read. Windows 10 and 11 refuse guests (error 0x80070035) unless a policy allows them, since an attacker\n" +
  "in between could pretend to be this machine and no password proves that he is not: log on there with the user.\n";

export function run(words: readonly string[]): number {
  const args = parseArguments(words, OPTIONS);
  if (args.has("help")) {
    process.stdout.write(`Usage: minismbd setup [OPTION]...\n\n${describeOptions(OPTIONS)}`);
    return 0;
  }
  if (args.operands.length > 0) throw new CliError("setup takes no name, use --user NAME");
  const plan = readPlan(args);
  makeDirectory(dirname(plan.passwordFile));
  if (plan.directory !== undefined) makeShareDirectory(plan.directory.path);
  const outcome = setUp(plan);
  if (outcome.state === "complete") notifyRunningServer("", true);
  return report(outcome, args);
}

function readPlan(args: Arguments): SetupPlan {
  const user = args.value("user") ?? USER;
  const fault = userNameFault(user);
  if (fault !== undefined) throw new CliError(fault);
  const notices = args.values("notice");
  for (const notice of notices)
    if (!/^\/(.*\/)?minismbd\.txt$/.test(notice))
      throw new CliError(`--notice ${notice}: write the whole path of a file minismbd.txt`);
  return {
    configFile: args.value("config") ?? defaultConfigFile(),
    passwordFile: args.value("pwddb") ?? PASSWORD_FILE,
    user,
    hasShares: !args.has("no-shares"),
    directory: readDirectory(args.value("directory")),
    guests: args.has("guest"),
    webPort: readPort(args.value("web-port")),
    notices: [...(args.has("pwddb") ? [] : usualNotices()), ...notices],
    random: (count) => crypto.getRandomValues(new Uint8Array(count)),
  };
}

function readPort(word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  const port = Number(word);
  if (!/^\d{1,5}$/.test(word) || port === 0 || port > 65_535)
    throw new CliError(`--web-port: '${word}' is not a port, write 1 to 65535`);
  return port;
}

function readDirectory(word: string | undefined): SetupPlan["directory"] {
  if (word === undefined) return undefined;
  const at = word.indexOf("=");
  const share = word.slice(0, Math.max(at, 0));
  const path = word.slice(at + 1);
  if (at < 1 || !path.startsWith("/"))
    throw new CliError(`--directory ${word}: write NAME=PATH with the whole path`);
  const fault = shareNameFault(share);
  if (fault !== undefined) throw new CliError(fault);
  return { share, path };
}

function makeDirectory(path: string): string | undefined {
  try {
    return mkdirSync(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const hint = code === "EROFS" ? "mount its disk for writing" : "look at its disk and directory";
    throw new CliError(`${path} cannot be made (${code}), ${hint}`);
  }
}

/** The user has no account on the machine: the server acts there with ids of its own. */
function makeShareDirectory(path: string): void {
  if (makeDirectory(path) === undefined || process.geteuid?.() !== 0) return;
  const { uid, gid } = ownIds(new SystemAccountFiles().read());
  chownSync(path, uid, gid);
}

function report(outcome: SetupOutcome, args: Arguments): number {
  const print = (text: string) => process.stdout.write(text);
  switch (outcome.state) {
    case "complete":
      print(`\n${noticeText(outcome.record.user, outcome.record.password)}\n`);
      if (args.has("guest")) print(GUEST_HINT);
      if (args.has("web-port"))
        print(`The web page is at https://${hostname().split(".")[0]}.local:${args.value("web-port")}/\n`);
      for (const fault of outcome.faults) process.stderr.write(`warning: ${fault}\n`);
      return 0;
    case "pending":
      if (args.has("show")) print(noticeText(outcome.record.user, outcome.record.password));
      else
        print(
          "minismbd is set up already; 'minismbd setup --show' prints the password until the first log-on\n",
        );
      return 0;
    case "by hand":
      print("there are users already, so nothing was changed\n");
      return 0;
    case "done":
      if (outcome.fault !== undefined) throw new CliError(outcome.fault);
      if (args.has("show"))
        throw new CliError("the password was used and is not stored any more, set another one with passwd");
      print("minismbd is set up already\n");
      return 0;
  }
}

// The commands with their options, for the man page and the completions of shells.
import type { Option } from "../src/cli/arguments.ts";
import { OPTIONS as ADDSHARE } from "../src/cli/addshare.ts";
import { OPTIONS as ADDUSER } from "../src/cli/adduser.ts";
import { OPTIONS as CONTROL } from "../src/cli/control.ts";
import { OPTIONS as DELUSER } from "../src/cli/deluser.ts";
import { OPTIONS as MOUNTD } from "../src/cli/mountd.ts";
import { OPTIONS as PASSWD } from "../src/cli/passwd.ts";
import { OPTIONS as SERVE } from "../src/cli/serve.ts";
import { OPTIONS as SETUP } from "../src/cli/setup.ts";
import { OPTIONS as SHARES } from "../src/cli/shares.ts";
import { OPTIONS as STATUS } from "../src/cli/status.ts";
import { OPTIONS as TESTPARM } from "../src/cli/testparm.ts";
import { OPTIONS as USERS } from "../src/cli/users.ts";

export interface Command {
  readonly usage: string;
  readonly text: string;
  readonly options: readonly Option[];
}

export const COMMANDS: readonly Command[] = [
  {
    usage: "minismbd serve [OPTION]...",
    text:
      "Serves in the foreground until SIGTERM, SIGINT or SIGQUIT. SIGUSR1 logs the shares. SIGHUP reloads users and configuration: sessions, shares and " +
      "rights that users would no longer get end at once, everything else goes on, and an invalid configuration " +
      "changes nothing. With --share and without --config no configuration is read.",
    options: SERVE,
  },
  {
    usage: "minismbd setup [OPTION]...",
    text:
      "Sets a new machine up: makes one user with a password, the machine's SID, and the section [volumes], by which each disk " +
      "that is plugged in is shared for that user. It prints the password, and stores it in minismbd.txt on the boot partition " +
      "of a Raspberry Pi; when somebody has logged on with it, that file is removed and the password forgotten. A power cut " +
      "leaves nothing, or what the next run completes. Where there are users already, and when it is run again, it changes " +
      "nothing. minismbd-setup.service runs it at the first start of an image.",
    options: SETUP,
  },
  { usage: "minismbd adduser [OPTION]... USER", text: "Adds a user.", options: ADDUSER },
  { usage: "minismbd passwd [OPTION]... USER", text: "Changes a user's password.", options: PASSWD },
  { usage: "minismbd deluser [OPTION]... USER", text: "Deletes a user.", options: DELUSER },
  {
    usage: "minismbd users [OPTION]...",
    text: "Lists the users' names; with --import takes over Samba's users with their passwords.",
    options: USERS,
  },
  {
    usage: "minismbd addshare [OPTION]... SHARE",
    text:
      "Adds, changes or deletes a share in the configuration; comments and order stay. SHARE may be global, for the " +
      "defaults of all shares.",
    options: ADDSHARE,
  },
  { usage: "minismbd shares [OPTION]...", text: "Lists the shares that are served.", options: SHARES },
  {
    usage: "minismbd testparm [OPTION]... [CONF]",
    text:
      "Reads the configuration as the server does, prints the parameters that are set, and says with file and line what is " +
      "strange: shares that are left out, parameters without effect and what holds instead, users, groups and directories " +
      "that do not exist, shares that nobody can use. With --user and --share it says what that user gets there, as which " +
      "uid, and which lines decide it. The exit status is 1 if the server would not start; 2 if it leaves a share out, or " +
      "if the user may not connect.",
    options: TESTPARM,
  },
  {
    usage: "minismbd status [OPTION]...",
    text:
      "Prints the sessions, the shares in use and the open files of the running server, which it asks over its control " +
      "socket: ksmbd.sock beside the lock file, or what serve --control names.",
    options: STATUS,
  },
  {
    usage: "minismbd control OPTION",
    text: "Reloads or stops the running server, disconnects a client, closes a file.",
    options: CONTROL,
  },
  { usage: "minismbd version", text: "Prints the version and the commit it was built from.", options: [] },
  {
    usage: "ksmbd.mountd [OPTION]...",
    text: "The executable under this name: serve in the background, with ksmbd-tools' flags and lock file.",
    options: MOUNTD,
  },
  {
    usage: "ksmbd.adduser [OPTION]... USER",
    text: "As adduser; without -a, -u and -d the user is added or updated.",
    options: ADDUSER,
  },
  {
    usage: "ksmbd.addshare [OPTION]... SHARE",
    text: "As addshare.",
    options: ADDSHARE,
  },
  {
    usage: "ksmbd.control OPTION",
    text: "As control; -s and -r signal the server whose process id is in the lock file.",
    options: CONTROL,
  },
];

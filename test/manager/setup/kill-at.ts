// A set-up that is killed before the given change of the disk: kill-at.ts DIRECTORY STEP. Exits with 0 if it came to its end.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setUp } from "../../../src/manager/setup/first-setup.ts";

const [directory = "", step = ""] = process.argv.slice(2);
let left = Number(step);
setUp(
  {
    configFile: join(directory, "ksmbd.conf"),
    passwordFile: join(directory, "ksmbdpwd.db"),
    user: "smb",
    hasShares: true,
    guests: false,
    notices: [join(directory, "minismbd.txt")],
    random: (count) => randomBytes(count),
  },
  () => {
    if (left-- === 0) process.kill(process.pid, "SIGKILL");
  },
);

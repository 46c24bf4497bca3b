// On OpenWrt the shares are in UCI, from which its service writes the configuration: a file of `addshare`
// would be served instead of all of them, or be overwritten. So `addshare` says how to write it in UCI.
import { foldKey } from "../manager/config/parse.ts";
import type { Option } from "../manager/config/edit.ts";
import { CliError } from "./arguments.ts";
import type { ChangeFlag } from "./tool-change.ts";

/** Parameters whose name in UCI is not their own with underscores. */
const RENAMED: Readonly<Record<string, string>> = { "valid users": "users", "directory mask": "dir_mask" };

/** As /etc/init.d/ksmbd reads them; any other parameter is `list param 'KEY = VALUE'`. */
const OPTIONS: ReadonlySet<string> = new Set(
  [
    ...["path", "comment", "valid users", "create mask", "directory mask", "force create mode"],
    ...["force directory mode", "browseable", "read only", "writeable", "guest ok", "guest only"],
    ...["inherit owner", "write list", "read list", "hide dot files", "veto files", "vfs objects"],
  ].map(foldKey),
);

/** Throws CliError. */
export function refuseForUci(flag: ChangeFlag, name: string, options: readonly Option[]): never {
  const text = "the shares of this router are in UCI (/etc/config/ksmbd), nothing was changed";
  if (flag === "delete" || foldKey(name) === "global")
    throw new CliError(`${text}; look at uci show ksmbd, and change it there or in LuCI`);
  const target = `ksmbd.@share[-1]`;
  const commands = [
    "uci add ksmbd share",
    `uci set ${quote(`${target}.name=${name}`)}`,
    ...options.map(({ key, value }) =>
      OPTIONS.has(key)
        ? `uci set ${quote(`${target}.${RENAMED[key] ?? key.replaceAll(" ", "_")}=${value}`)}`
        : `uci add_list ${quote(`${target}.param=${key} = ${value}`)}`,
    ),
    "uci commit ksmbd && /etc/init.d/ksmbd reload",
  ];
  throw new CliError(`${text}. To add it, use LuCI or\n${commands.map((line) => `  ${line}`).join("\n")}`);
}

/** For a shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

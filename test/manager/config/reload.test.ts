// Every parameter of the configuration at a reload: it is in effect as after a start, or the log names it as one that
// needs a restart.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Configuration, loadConfiguration } from "../../../src/manager/config/load.ts";
import { PARAMETERS } from "../../../src/manager/config/schema.ts";
import { IGNORED } from "../../../src/manager/config/schema/ignored.ts";
import type { Parameter } from "../../../src/manager/config/schema/parameter.ts";
import type { Machine } from "../../../src/manager/config/settings.ts";
import { createLog } from "../../../src/manager/log/log.ts";
import { createManager } from "../../../src/manager/manager.ts";

const directory = mkdtempSync(join(tmpdir(), "minismbd-reloaded-"));
const file = join(directory, "ksmbd.conf");
afterAll(() => rmSync(directory, { recursive: true }));
beforeAll(() => mkdirSync(join(directory, "data")));

const machine: Machine = {
  hostName: "box",
  identity: "test",
  memoryBytes: 1 << 30,
  hasAesInstructions: true,
  interfaces: [{ name: "lo", address: "127.0.0.1" }],
};
const source = { file, machine };

/** Values that differ from the default, where the type alone gives none, with the lines that they need. */
const VALUES: Readonly<Record<string, string | readonly [value: string, before: string, now?: string]>> = {
  "netbios name": "OTHER",
  "netbios aliases": "OTHER",
  "server spn names": "nas.example.org",
  workgroup: "OTHER",
  "server string": "other",
  interfaces: [
    "127.0.0.1",
    "bind interfaces only = yes\ninterfaces = eth9\n",
    "bind interfaces only = yes\n",
  ],
  "bind interfaces only": ["yes", "interfaces = 127.0.0.1\n"],
  "hosts allow": "10.0.0.1",
  "hosts deny": "10.0.0.1",
  "server smb3 encryption algorithms": "AES-256-GCM",
  "server smb3 signing algorithms": "AES-128-CMAC",
  "username map": "/etc/names",
  "guest account": "guest",
  "guest account (share)": "visitor",
  "kerberos service name": "cifs/box",
  "kerberos keytab file": "/etc/other.keytab",
  "ntlm auth": ["disabled", "kerberos support = yes\n"],
  "log level": "debug",
  "log file": "/tmp/minismbd-reloaded.log",
  "root directory": "/tmp",
  comment: "other",
  "client share directories": "/srv",
  "aapl model": "MacPro",
  path: "/tmp",
  "valid users": "games",
  "invalid users": "games",
  "read list": "games",
  "write list": "games",
  "admin users": "games",
  "web admin users": "games",
  "force user": "games",
  "force group": "games",
  "smb3 encryption (share)": "mandatory",
  "volume directories": "/srv/disks",
  "web certificate": "/etc/ssl/page.pem",
  "web key": "/etc/ssl/page.key",
  disk: "LABEL=Photos",
  "vfs objects": "recycle",
  "catia:mappings": ["0x22:0xa8", "vfs objects = catia\n"],
  "acl_xattr:ignore system acls": ["yes", "vfs objects = acl_xattr\n"],
  "wide links": ["yes", "follow symlinks = yes\nsmb3 unix extensions = no\n"],
  "allow insecure wide links": ["yes", "follow symlinks = yes\nwide links = yes\n"],
  "msdfs proxy": "\\SERVER\\SHARE",
  "msdfs shuffle referrals": ["yes", "msdfs root = yes\n"],
  "host msdfs": ["no", "msdfs root = yes\n"],
  "default case": ["upper", "preserve case = no\nshort preserve case = no\n"],
  "recycle:repository": ["bin", "vfs objects = recycle\n"],
  "recycle:exclude": ["*.tmp", "vfs objects = recycle\n"],
  "recycle:exclude_dir": ["tmp", "vfs objects = recycle\n"],
  "recycle:noversions": ["*.doc", "vfs objects = recycle\n"],
  "recycle:keeptree": ["yes", "vfs objects = recycle\n"],
  "recycle:versions": ["yes", "vfs objects = recycle\n"],
  "recycle:touch": ["yes", "vfs objects = recycle\n"],
  "recycle:touch_mtime": ["yes", "vfs objects = recycle\n"],
  "recycle:minsize": ["3M", "vfs objects = recycle\n"],
  "recycle:maxsize": ["3M", "vfs objects = recycle\n"],
  "recycle:limit": ["3M", "vfs objects = recycle\n"],
  "recycle:maxage": ["7", "vfs objects = recycle\n"],
  "recycle:directory_mode": ["0711", "vfs objects = recycle\n"],
  "recycle:subdir_mode": ["0711", "vfs objects = recycle\n"],
  "shadow:snapdir": ["snaps", "vfs objects = shadow_copy2\n"],
  "shadow:basedir": ["/tmp", "vfs objects = shadow_copy2\n"],
  "shadow:mountpoint": ["/tmp", "vfs objects = shadow_copy2\n"],
  "shadow:format": ["%Y", "vfs objects = shadow_copy2\n"],
  "shadow:snapprefix": ["^x", "vfs objects = shadow_copy2\n"],
  "shadow:delimiter": ["-x", "vfs objects = shadow_copy2\n"],
  "shadow:sort": ["asc", "vfs objects = shadow_copy2\n"],
};

/** Accepted, and they change nothing. */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  ...(IGNORED as readonly Parameter[]).map(({ name }) => name),
  // The server has one way to make short names.
  ...["mangling method"],
]);

function otherValue({ name, type, choices, default: usual, min, max }: Parameter): string {
  switch (type) {
    case "boolean":
      return usual === "yes" ? "no" : "yes";
    case "integer": {
      const next = Number(usual === "" ? (min ?? 0) : usual) + 1;
      return String(next > (max ?? Infinity) ? next - 2 : next);
    }
    case "size":
      return "3M";
    case "octal":
      return usual === "0711" ? "0700" : "0711";
    case "choice": {
      const others = Object.values(choices ?? {}).filter((spellings) => !spellings.includes(usual));
      return others[0]?.[0] ?? "";
    }
    case "veto":
      return "/secret/";
    default:
      throw new Error(`'${name}' needs a value`);
  }
}

function textWith(scope: "global" | "share", line: string, more: string): string {
  const own = `[docs]\n${line.startsWith("path =") ? "" : `path = ${directory}/data\n`}`;
  return scope === "global" ? `[global]\n${more}${line}${own}` : `[global]\n${own}${more}${line}`;
}

/** What a configuration makes, but for the text and the positions that it came from. */
function effectOf({ settings, shares, homes: _, warnings: __, ...more }: Configuration): unknown {
  return JSON.parse(
    JSON.stringify({ settings, more, shares: [...shares.values()] }, (_key, value: unknown) =>
      value instanceof Map || value instanceof Set ? [...value] : value,
    ),
  );
}

const cases = (PARAMETERS as readonly Parameter[]).flatMap((parameter) =>
  (parameter.scope === "both" ? (["global", "share"] as const) : [parameter.scope]).map(
    (scope) =>
      [`${parameter.name} of a ${scope === "global" ? "[global]" : "share"}`, parameter, scope] as const,
  ),
);

describe("at a reload", () => {
  test.each(cases)("%s", async (_, parameter, scope) => {
    const { name } = parameter;
    const special =
      VALUES[scope === "share" && parameter.scope === "both" ? `${name} (share)` : name] ?? VALUES[name];
    const [value, before, now = before] =
      special === undefined
        ? ([otherValue(parameter), ""] as const)
        : typeof special === "string"
          ? ([special, ""] as const)
          : special;
    const lines: string[] = [];
    const log = createLog(
      () => "warn",
      (_level, text) => lines.push(text),
    );
    writeFileSync(file, textWith(scope, "", before));
    const manager = createManager({ source, passwordFile: null, log, isRoot: false });
    const old = effectOf(manager.configuration());
    writeFileSync(file, textWith(scope, `${name} = ${value}\n`, now));
    expect([await manager.reload(), name]).toEqual([undefined, name]);
    const fresh = effectOf(loadConfiguration(source));
    expect(effectOf(manager.configuration())).toEqual(fresh);
    if (WITHOUT_EFFECT.has(name)) expect(fresh).toEqual(old);
    else expect(fresh).not.toEqual(old);
    const restarts = lines.filter((line) => line.includes("restart the server for that"));
    const wanted = `'${name}' has changed since the start: restart the server for that`;
    expect(restarts).toEqual(parameter.reload === "restart" ? [wanted] : []);
  });
});

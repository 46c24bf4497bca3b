// OpenWrt's package for opkg: a gzipped tar of `debian-binary`, control.tar.gz and data.tar.gz, made without its SDK.
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Release } from "../debian/deb.ts";

/** OpenWrt's names of processors, and the executable for each. */
export const IPK_TARGETS = {
  aarch64_generic: "linux-arm64-musl",
  "aarch64_cortex-a53": "linux-arm64-musl",
  "aarch64_cortex-a72": "linux-arm64-musl",
  x86_64: "linux-x64-musl",
} as const;
export type IpkArchitecture = keyof typeof IPK_TARGETS;

const TOOLS = ["mountd", "adduser", "addshare", "control"];
const CONFFILES = [
  "/etc/config/ksmbd",
  "/etc/ksmbd/ksmbd.conf",
  "/etc/ksmbd/ksmbdpwd.db",
  "/etc/ksmbd/ksmbd.subauth",
];
const POSTINST = `#!/bin/sh
[ "$IPKG_NO_SCRIPT" = 1 ] && exit 0
[ -s "$IPKG_INSTROOT/lib/functions.sh" ] || exit 0
. "$IPKG_INSTROOT/lib/functions.sh"
default_postinst "$0" "$@"
`;
const PRERM = POSTINST.replaceAll("postinst", "prerm");

/** Writes the .ipk of `executable` into `output`; returns its path. */
export function packIpk(
  { root, version: upstream, revision, time }: Release,
  architecture: IpkArchitecture,
  executable: string,
  output: string,
): string {
  const version = `${upstream}-r${revision}`;
  const work = join(output, `.ipk-${architecture}-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  const data = join(work, "data");
  mkdirSync(join(data, "usr/sbin"), { recursive: true });
  cpSync(join(root, "board/openwrt/files"), data, { recursive: true });
  cpSync(executable, join(data, "usr/sbin/minismbd"));
  chmodSync(join(data, "usr/sbin/minismbd"), 0o755);
  mkdirSync(join(data, "etc/ksmbd"));
  for (const name of TOOLS) symlinkSync("minismbd", join(data, `usr/sbin/ksmbd.${name}`));
  const control = join(work, "control");
  mkdirSync(control);
  writeFileSync(join(control, "control"), describe(version, architecture, sizeOf(data)));
  writeFileSync(join(control, "conffiles"), `${CONFFILES.join("\n")}\n`);
  writeFileSync(join(control, "postinst"), POSTINST, { mode: 0o755 });
  writeFileSync(join(control, "prerm"), PRERM, { mode: 0o755 });
  writeFileSync(join(work, "debian-binary"), "2.0\n");
  packTar(control, ["."], join(work, "control.tar.gz"), time);
  packTar(data, ["."], join(work, "data.tar.gz"), time);
  const file = join(output, `minismbd_${version}_${architecture}.ipk`);
  packTar(work, ["./debian-binary", "./control.tar.gz", "./data.tar.gz"], file, time);
  rmSync(work, { recursive: true });
  return file;
}

function describe(version: string, architecture: IpkArchitecture, bytes: number): string {
  return [
    "Package: minismbd",
    `Version: ${version}`,
    "Depends: libc, libstdcpp6",
    // Both have port 445, /etc/init.d/ksmbd and the names of ksmbd's tools.
    "Provides: ksmbd-server",
    "Conflicts: ksmbd-server, samba4-server",
    "Section: net",
    `Architecture: ${architecture}`,
    `Installed-Size: ${bytes}`,
    "Description: SMB2/SMB3 file server, in the place of ksmbd",
    "",
  ].join("\n");
}

function sizeOf(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).size;
  return bytes;
}

function packTar(directory: string, names: readonly string[], file: string, time: number): void {
  const owner = [
    "--numeric-owner",
    "--owner=0",
    "--group=0",
    "--sort=name",
    "--format=gnu",
    `--mtime=@${time}`,
  ];
  const tar = Bun.spawnSync(["tar", "-C", directory, ...owner, "-cf", "-", ...names], {
    stdout: "pipe",
    stderr: "pipe",
  });
  if (!tar.success) throw new Error(`tar failed: ${tar.stderr.toString().trim()}`);
  writeFileSync(file, Bun.gzipSync(new Uint8Array(tar.stdout)));
}

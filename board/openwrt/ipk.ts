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
  "/etc/ksmbd/ksmbd.volumes",
];
/** OpenWrt's own scripts, which enable and start the services of a package, and source its `postinst-pkg`. */
const POSTINST = `#!/bin/sh
[ "$IPKG_NO_SCRIPT" = 1 ] && exit 0
[ -s "$IPKG_INSTROOT/lib/functions.sh" ] || exit 0
. "$IPKG_INSTROOT/lib/functions.sh"
default_postinst "$0" "$@"
`;
const PRERM = POSTINST.replaceAll("postinst", "prerm");
/** rpcd looks for plugins and rights when it starts, LuCI for menus and pages when it has no index of them. */
const AFTER_INSTALL = `[ -n "$IPKG_INSTROOT" ] || {
	rm -rf /tmp/luci-modulecache /tmp/luci-indexcache*
	[ -x /etc/init.d/rpcd ] && /etc/init.d/rpcd reload
	exit 0
}
`;

interface Ipk {
  readonly name: string;
  readonly architecture: IpkArchitecture | "all";
  /** Lines of the control file besides name, version, architecture and size. */
  readonly fields: readonly string[];
  readonly conffiles: readonly string[];
  /** Puts the package's files below that directory. */
  readonly fill: (data: string) => void;
}

/** Writes the .ipk of `executable` into `output`; returns its path. */
export function packIpk(
  release: Release,
  architecture: IpkArchitecture,
  executable: string,
  output: string,
): string {
  return pack(release, output, {
    name: "minismbd",
    architecture,
    fields: [
      "Depends: libc, libstdcpp6",
      // Both have port 445, /etc/init.d/ksmbd and the names of ksmbd's tools.
      "Provides: ksmbd-server",
      "Conflicts: ksmbd-server, samba4-server",
      "Section: net",
      "Description: SMB2/SMB3 file server, in the place of ksmbd",
    ],
    conffiles: CONFFILES,
    fill(data) {
      mkdirSync(join(data, "usr/sbin"), { recursive: true });
      cpSync(join(release.root, "board/openwrt/files"), data, { recursive: true });
      cpSync(executable, join(data, "usr/sbin/minismbd"));
      chmodSync(join(data, "usr/sbin/minismbd"), 0o755);
      mkdirSync(join(data, "etc/ksmbd"));
      for (const name of TOOLS) symlinkSync("minismbd", join(data, `usr/sbin/ksmbd.${name}`));
    },
  });
}

/** Writes the .ipk of LuCI's pages into `output`; returns its path. */
export function packLuciIpk(release: Release, output: string): string {
  const app = join(release.root, "board/openwrt/luci-app-minismbd");
  return pack(release, output, {
    name: "luci-app-minismbd",
    architecture: "all",
    fields: [
      "Depends: libc, luci-base, minismbd",
      "Section: luci",
      "Description: LuCI's pages for the file server minismbd",
    ],
    conffiles: [],
    fill(data) {
      cpSync(join(app, "htdocs"), join(data, "www"), { recursive: true });
      cpSync(join(app, "root"), data, { recursive: true });
    },
  });
}

function pack(
  { version: upstream, revision, time }: Release,
  output: string,
  { architecture, conffiles, fields, fill, name }: Ipk,
): string {
  const version = `${upstream}-r${revision}`;
  const work = join(output, `.ipk-${name}-${architecture}-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  const data = join(work, "data");
  mkdirSync(data, { recursive: true });
  fill(data);
  const control = join(work, "control");
  mkdirSync(control);
  const own = [
    `Package: ${name}`,
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Installed-Size: ${sizeOf(data)}`,
  ];
  writeFileSync(join(control, "control"), `${[...own, ...fields].join("\n")}\n`);
  if (conffiles.length > 0) writeFileSync(join(control, "conffiles"), `${conffiles.join("\n")}\n`);
  writeFileSync(join(control, "postinst"), POSTINST, { mode: 0o755 });
  writeFileSync(join(control, "postinst-pkg"), AFTER_INSTALL);
  writeFileSync(join(control, "prerm"), PRERM, { mode: 0o755 });
  writeFileSync(join(work, "debian-binary"), "2.0\n");
  packTar(control, ["."], join(work, "control.tar.gz"), time);
  packTar(data, ["."], join(work, "data.tar.gz"), time);
  const file = join(output, `${name}_${version}_${architecture}.ipk`);
  packTar(work, ["./debian-binary", "./control.tar.gz", "./data.tar.gz"], file, time);
  rmSync(work, { recursive: true });
  return file;
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

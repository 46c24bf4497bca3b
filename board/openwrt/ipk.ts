// OpenWrt's package for opkg: a gzipped tar of `debian-binary`, control.tar.gz and data.tar.gz, made without its SDK.
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Release } from "../debian/deb.ts";
import {
  AFTER_INSTALL,
  AFTER_UPGRADE,
  luciPackage,
  type OpenwrtArchitecture,
  type OpenwrtPackage,
  serverPackage,
} from "./contents.ts";

const FUNCTIONS = `[ -s "$IPKG_INSTROOT/lib/functions.sh" ] || exit 0
. "$IPKG_INSTROOT/lib/functions.sh"
`;

/** OpenWrt's own function enables and starts the services of a package, and sources its `postinst-pkg`. */
function postinst({ servesOn }: OpenwrtPackage): string {
  const end = servesOn ? `ret=$?\n${AFTER_UPGRADE}exit $ret\n` : "";
  return `#!/bin/sh\n[ "$IPKG_NO_SCRIPT" = 1 ] && exit 0\n${FUNCTIONS}default_postinst "$0" "$@"\n${end}`;
}

/** OpenWrt's own function stops the services, in an upgrade as well. */
function prerm({ servesOn }: OpenwrtPackage): string {
  const upgrade = servesOn ? `[ "$PKG_UPGRADE" = 1 ] && exit 0\n` : "";
  return `#!/bin/sh\n${upgrade}${FUNCTIONS}default_prerm "$0" "$@"\n`;
}

/** Writes the .ipk of `executable` into `output`; returns its path. */
export function packIpk(
  release: Release,
  architecture: OpenwrtArchitecture,
  executable: string,
  output: string,
): string {
  return pack(release, output, serverPackage(release, architecture, executable));
}

/** Writes the .ipk of LuCI's pages into `output`; returns its path. */
export function packLuciIpk(release: Release, output: string): string {
  return pack(release, output, luciPackage(release));
}

function pack(
  { version: upstream, revision, time }: Release,
  output: string,
  contents: OpenwrtPackage,
): string {
  const { architecture, conffiles, conflicts, depends, description, fill, name, provides, section } =
    contents;
  const version = `${upstream}-r${revision}`;
  const work = join(output, `.ipk-${name}-${architecture}-${process.pid}`);
  rmSync(work, { recursive: true, force: true });
  const data = join(work, "data");
  mkdirSync(data, { recursive: true });
  fill(data);
  const control = join(work, "control");
  mkdirSync(control);
  const excluded = [...provides, ...conflicts];
  const fields = [
    `Package: ${name}`,
    `Version: ${version}`,
    `Depends: ${depends.join(", ")}`,
    ...(provides.length > 0 ? [`Provides: ${provides.join(", ")}`] : []),
    ...(excluded.length > 0 ? [`Conflicts: ${excluded.join(", ")}`] : []),
    `Section: ${section}`,
    `Architecture: ${architecture}`,
    `Installed-Size: ${sizeOf(data)}`,
    `Description: ${description}`,
  ];
  writeFileSync(join(control, "control"), `${fields.join("\n")}\n`);
  if (conffiles.length > 0) writeFileSync(join(control, "conffiles"), `${conffiles.join("\n")}\n`);
  if (contents.checks !== "")
    writeFileSync(join(control, "preinst"), `#!/bin/sh\n${contents.checks}`, { mode: 0o755 });
  writeFileSync(join(control, "postinst"), postinst(contents), { mode: 0o755 });
  writeFileSync(join(control, "postinst-pkg"), AFTER_INSTALL);
  writeFileSync(join(control, "prerm"), prerm(contents), { mode: 0o755 });
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

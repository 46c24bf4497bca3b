// OpenWrt's package for apk, which newer releases have in the place of opkg (apk-package(5), apk-v3(5)), made without its SDK
// and not signed: `apk add --allow-untrusted FILE.apk`.
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Release } from "../debian/deb.ts";
import { AdbWriter, block, BlockType, type Value } from "./adb.ts";
import {
  AFTER_INSTALL,
  AFTER_UPGRADE,
  luciPackage,
  type OpenwrtArchitecture,
  type OpenwrtPackage,
  serverPackage,
} from "./contents.ts";

/** What apk-tools' schemas number; the fields that are used. */
const Field = {
  package: { info: 1, paths: 2, scripts: 3 },
  info: {
    name: 1,
    version: 2,
    hashes: 3,
    description: 4,
    architecture: 5,
    license: 6,
    buildTime: 11,
    size: 12,
    depends: 15,
    provides: 16,
  },
  dependency: { name: 1, version: 2, match: 3 },
  directory: { name: 1, acl: 2, files: 3 },
  file: { name: 1, acl: 2, size: 3, mtime: 4, hashes: 5, target: 6 },
  acl: { mode: 1, user: 2, group: 3 },
  scripts: { preInstall: 2, postInstall: 3, preDeinstall: 4, preUpgrade: 6, postUpgrade: 7 },
} as const;
/** The match of a dependency that must not be installed, in any version. */
const CONFLICT = 23;
const SCHEMA = "pckg";
const ID_BYTES = 20;
const S_IFLNK = 0o120000;

/** Writes the .apk of `executable` into `output`; returns its path. */
export function packApk(
  release: Release,
  architecture: OpenwrtArchitecture,
  executable: string,
  output: string,
): string {
  return pack(release, output, serverPackage(release, architecture, executable));
}

/** Writes the .apk of LuCI's pages into `output`; returns its path. */
export function packLuciApk(release: Release, output: string): string {
  return pack(release, output, luciPackage(release));
}

function pack(release: Release, output: string, contents: OpenwrtPackage): string {
  const { name, architecture } = contents;
  const version = `${release.version}-r${release.revision}`;
  const data = join(output, `.apk-${name}-${architecture}-${process.pid}`);
  rmSync(data, { recursive: true, force: true });
  mkdirSync(data, { recursive: true });
  contents.fill(data);
  writeLists(data, contents);
  const file = join(output, `${name}-${version}_${architecture}.apk`);
  const head = Buffer.from(`ADB.${SCHEMA}`);
  const body = Buffer.concat([head, ...describe(data, version, release.time, contents)]);
  writeFileSync(
    file,
    Buffer.concat([Buffer.from("ADBd"), Bun.deflateSync(new Uint8Array(body), { level: 9 })]),
  );
  rmSync(data, { recursive: true });
  return file;
}

/** What OpenWrt's scripts read below /lib/apk/packages, as its SDK writes it. */
function writeLists(data: string, { name, conffiles }: OpenwrtPackage): void {
  const files = readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(data.length))
    .sort();
  const lists = join(data, "lib/apk/packages");
  mkdirSync(lists, { recursive: true });
  writeFileSync(join(lists, `${name}.list`), files.map((path) => `${path}\n`).join(""));
  if (conffiles.length === 0) return;
  writeFileSync(join(lists, `${name}.conffiles`), conffiles.map((path) => `${path}\n`).join(""));
  const present = conffiles.filter((path) => existsSync(join(data, path)));
  const sums = present.map((path) => `${path} ${sha256(readFileSync(join(data, path))).toString("hex")}\n`);
  writeFileSync(join(lists, `${name}.conffiles_static`), sums.join(""));
}

/** The blocks: the package's description, then the data of each file. */
function describe(data: string, version: string, time: number, contents: OpenwrtPackage): Buffer[] {
  const adb = new AdbWriter();
  const blocks: Buffer[] = [];
  let bytes = 0;
  const paths = directoriesIn(data).map((path, directory) => {
    const entries = readdirSync(join(data, path), { withFileTypes: true }).filter(
      (entry) => !entry.isDirectory(),
    );
    const files = entries
      .map(({ name }) => name)
      .sort()
      .map((name, at) => {
        const full = join(data, path, name);
        if (lstatSync(full).isSymbolicLink()) return addLink(adb, name, readlinkSync(full), time);
        const content = readFileSync(full);
        bytes += content.length;
        if (content.length > 0) blocks.push(block(BlockType.DATA, [place(directory, at), content]));
        return addFile(adb, name, lstatSync(full).mode & 0o7777, content, time);
      });
    const { name, acl, files: list } = Field.directory;
    return adb.object({ [name]: adb.text(path), [acl]: addOwner(adb, 0o755), [list]: adb.array(files) });
  });
  const id = Buffer.alloc(ID_BYTES, 0xff);
  const info = addInfo(adb, version, bytes, time, id, contents);
  const fields = Field.package;
  const root = {
    [fields.info]: info,
    [fields.paths]: adb.array(paths),
    [fields.scripts]: addScripts(adb, contents),
  };
  const description = adb.finish(adb.object(root));
  // The package's identity: a hash of everything else.
  description.set(sha256(description).subarray(0, ID_BYTES), description.indexOf(id));
  return [block(BlockType.ADB, [description]), ...blocks];
}

/** Where a file's data belongs: numbers of its directory and of itself in it. */
function place(directory: number, file: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(directory + 1);
  bytes.writeUInt32LE(file + 1, 4);
  return bytes;
}

/** Paths of the directories, sorted; the root is "". */
function directoriesIn(data: string): string[] {
  const below = readdirSync(data, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(data.length + 1));
  return ["", ...below.sort()];
}

function addInfo(
  adb: AdbWriter,
  version: string,
  bytes: number,
  time: number,
  id: Buffer,
  { name, architecture, conflicts, depends, description, provides }: OpenwrtPackage,
): Value {
  const fields = Field.info;
  const wanted = [
    ...depends.map((other) => ({ other, match: 0 })),
    ...conflicts.map((other) => ({ other, match: CONFLICT })),
  ].sort((a, b) => (a.other < b.other ? -1 : 1));
  const { name: other, match: how, version: which } = Field.dependency;
  return adb.object({
    [fields.name]: adb.text(name),
    [fields.version]: adb.text(version),
    [fields.hashes]: adb.blob(id),
    [fields.description]: adb.text(description),
    [fields.architecture]: adb.text(architecture === "all" ? "noarch" : architecture),
    [fields.license]: adb.text("MIT"),
    [fields.buildTime]: adb.int(time),
    [fields.size]: adb.int(bytes),
    [fields.depends]: adb.array(
      wanted.map(({ other: text, match }) =>
        adb.object({ [other]: adb.text(text), ...(match !== 0 && { [how]: adb.int(match) }) }),
      ),
    ),
    [fields.provides]: adb.array(
      provides.map((text) => adb.object({ [other]: adb.text(text), [which]: adb.text(version) })),
    ),
  });
}

function addFile(adb: AdbWriter, name: string, mode: number, content: Buffer, time: number): Value {
  const fields = Field.file;
  return adb.object({
    [fields.name]: adb.text(name),
    [fields.acl]: addOwner(adb, mode),
    [fields.size]: adb.int(content.length),
    [fields.mtime]: adb.int(time),
    [fields.hashes]: adb.blob(sha256(content)),
  });
}

function addLink(adb: AdbWriter, name: string, target: string, time: number): Value {
  const fields = Field.file;
  const kind = Buffer.alloc(2);
  kind.writeUInt16LE(S_IFLNK);
  return adb.object({
    [fields.name]: adb.text(name),
    [fields.acl]: addOwner(adb, 0o777),
    [fields.mtime]: adb.int(time),
    [fields.target]: adb.blob(Buffer.concat([kind, Buffer.from(target)])),
  });
}

function addOwner(adb: AdbWriter, mode: number): Value {
  const { mode: bits, user, group } = Field.acl;
  return adb.object({ [bits]: adb.int(mode), [user]: adb.text("root"), [group]: adb.text("root") });
}

/** OpenWrt's own functions enable and start the services of a package, and stop them. */
function addScripts(adb: AdbWriter, { name, checks, servesOn }: OpenwrtPackage): Value {
  const begin = `[ -s "\${IPKG_INSTROOT}/lib/functions.sh" ] || exit 0
. "\${IPKG_INSTROOT}/lib/functions.sh"
export root="\${IPKG_INSTROOT}"
export pkgname="${name}"
`;
  const install = `[ "\${IPKG_NO_SCRIPT}" = 1 ] && exit 0\n${begin}add_group_and_user\ndefault_postinst\n`;
  const fields = Field.scripts;
  const check = checks === "" ? {} : checkFields(adb, checks);
  const end = servesOn ? AFTER_UPGRADE : "";
  return adb.object({
    ...check,
    [fields.postInstall]: adb.text(`#!/bin/sh\n${install}${AFTER_INSTALL}`),
    [fields.preDeinstall]: adb.text(`#!/bin/sh\n${begin}default_prerm\n`),
    [fields.postUpgrade]: adb.text(`#!/bin/sh\nexport PKG_UPGRADE=1\n${install}${end}${AFTER_INSTALL}`),
  });
}

/** apk has both versions of a file for a moment, so an upgrade needs as much room. */
function checkFields(adb: AdbWriter, checks: string): Record<number, Value> {
  const script = adb.text(`#!/bin/sh\n${checks}`);
  return { [Field.scripts.preInstall]: script, [Field.scripts.preUpgrade]: script };
}

function sha256(bytes: Uint8Array): Buffer {
  return new Bun.CryptoHasher("sha256").update(bytes).digest() as Buffer;
}

// The disks of files.test.ts: shares in every role, snapshots, and canary files outside the shares.
import { expect } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  lstatSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { makeDiskImage } from "../peer/disk-image.ts";
import { makePluggedDisk } from "../peer/plugged-disk.ts";
import { type ShareOptions, TESTER_UID } from "../peer/test-server.ts";
import { SNAPSHOT } from "./file-samples.ts";

export const KINDS = ["ext4", "ramfs"] as const;
export const ROLES = ["nt", "posix", "bin", "snap"] as const;
export type DiskKind = (typeof KINDS)[number];
export type Role = (typeof ROLES)[number];

export interface FuzzDisk {
  readonly kind: DiskKind;
  readonly path: string;
  readonly shares: readonly ShareOptions[];
  /** Throws when anything outside the shares' directories was created, changed or removed. */
  expectUntouched(): void;
  remove(): void;
}

export function shareOf(kind: DiskKind, role: Role): string {
  return `${kind}-${role}`;
}

const IMAGE_BYTES = 96 * 1024 * 1024;

export function makeFuzzDisk(kind: DiskKind): FuzzDisk {
  const disk =
    kind === "ext4" ? makeDiskImage("ext4", IMAGE_BYTES, ["-I", "1024"]) : makePluggedDisk("ramfs");
  const at = (path: string): string => join(disk.path, path);
  const parameters: Readonly<Record<Role, Readonly<Record<string, string>>>> = {
    nt: { acl: "nt" },
    posix: { acl: "posix" },
    bin: {
      "vfs objects": "recycle",
      "recycle:repository": ".recycle",
      "recycle:keeptree": "yes",
      "recycle:versions": "yes",
      "recycle:limit": "1m",
      "recycle:maxage": "1",
    },
    snap: {
      acl: "nt",
      "vfs objects": "shadow_copy2",
      "shadow:snapdir": at("snaps"),
      "shadow:basedir": disk.path,
      "follow symlinks": "yes",
    },
  };
  // Everyone may write here, so only the server's path resolution protects these files.
  for (const folder of ["outside", `snaps/${SNAPSHOT}/snap/folder`]) {
    mkdirSync(at(folder), { recursive: true });
    chmodSync(at(folder), 0o777);
  }
  for (const canary of ["canary", "outside/canary", `snaps/${SNAPSHOT}/snap/file`]) {
    writeFileSync(at(canary), `canary ${canary}`);
    chmodSync(at(canary), 0o666);
  }
  symlinkSync("../../../canary", at(`snaps/${SNAPSHOT}/snap/link`));
  chmodSync(disk.path, 0o777);
  for (const role of ROLES) {
    mkdirSync(at(role));
    chownSync(at(role), TESTER_UID, TESTER_UID);
  }
  const before = describeBeside(disk.path);
  return {
    kind,
    path: disk.path,
    shares: ROLES.map((role) => ({
      name: shareOf(kind, role),
      path: at(role),
      parameters: parameters[role],
    })),
    expectUntouched: () => expect(describeBeside(disk.path)).toEqual(before),
    remove: () => disk.remove(),
  };
}

/** Path, mode, owner, link count and contents of everything outside the shares. */
function describeBeside(root: string): string[] {
  const lines: string[] = [];
  const visit = (below: string): void => {
    for (const name of readdirSync(join(root, below)).toSorted()) {
      const path = below === "" ? name : `${below}/${name}`;
      if ((ROLES as readonly string[]).includes(path)) continue;
      const stat = lstatSync(join(root, path));
      const text = stat.isFile() ? readFileSync(join(root, path), "utf8") : "";
      lines.push([path, stat.mode, stat.uid, stat.gid, stat.nlink, text].join(" "));
      if (stat.isDirectory()) visit(path);
    }
  };
  visit("");
  return lines;
}

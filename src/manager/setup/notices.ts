// Files that show the first password to whoever has the machine, such as minismbd.txt on the boot partition
// of a Raspberry Pi, which any computer reads.
import { unlinkSync } from "node:fs";
import { hostname } from "node:os";
import { basename } from "node:path";
import { currentMounts } from "../../linux/mountinfo.ts";
import { replaceFile } from "../replace-file.ts";
import { closeSetupRecord, type SetupRecord, writeSetupRecord } from "./setup-record.ts";

const NAME = "minismbd.txt";
/** Raspberry Pi OS since Debian 12, and before. */
const BOOT_DIRECTORIES = ["/boot/firmware", "/boot"] as const;

/** The notice on the boot partition; none where other computers could not read the partition. */
export function usualNotices(): string[] {
  const mounts = currentMounts();
  const found = BOOT_DIRECTORIES.find((directory) =>
    mounts.some(({ mountPoint, fileSystem }) => mountPoint === directory && fileSystem === "vfat"),
  );
  return found === undefined ? [] : [`${found}/${NAME}`];
}

/** Throws ConfigError. */
export function writeNotice(file: string, { user, password }: SetupRecord): void {
  const how = { file, name: "the file for the password", mode: () => 0o600, waits: 0 };
  replaceFile(how, (put) => put(noticeText(user, password).replaceAll("\n", "\r\n")));
}

export function noticeText(user: string, password: string): string {
  const host = hostname().split(".")[0] ?? "";
  return (
    "This machine shares its disks by minismbd.\n\n" +
    `  Windows:  \\\\${host}\n` +
    `  macOS:    smb://${user}@${host}.local\n` +
    `  User:     ${user}\n` +
    `  Password: ${password}\n\n` +
    "Set another one with: minismbd passwd " +
    `${user}\n`
  );
}

/**
 * Forgets the password, removes the files that show it, and closes the record. Returns what could not be
 * done, such as for a boot partition that is mounted read-only; `minismbd setup` then does the rest. Throws
 * ConfigError.
 */
export function withdrawNotices(recordFile: string, record: SetupRecord): string | undefined {
  if (record.password !== "") writeSetupRecord(recordFile, { ...record, password: "" });
  const faults = record.notices.flatMap((file) => {
    const code = basename(file) === NAME ? remove(file) : "EPERM";
    return code === undefined ? [] : [`${file} cannot be removed (${code})`];
  });
  if (faults.length > 0) return faults.join(", ");
  closeSetupRecord(recordFile);
  return undefined;
}

function remove(file: string): string | undefined {
  try {
    unlinkSync(file);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? undefined : (code ?? "EIO");
  }
}

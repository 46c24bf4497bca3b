// Why a disk cannot be written to, or is not sound, and what helps, in words for people. Pure.
import type { Mount } from "../../linux/mountinfo.ts";
import type { VolumeFacts } from "./volume-facts.ts";

type State = Pick<VolumeFacts, "fileSystem" | "isDirty" | "isHibernated" | "isWriteProtected">;

/** Never written to. */
const FIXED: ReadonlySet<string> = new Set(["iso9660", "udf", "squashfs", "erofs", "cramfs", "romfs"]);
/** The programs that repair a file system, by its kind. */
const REPAIRS: Readonly<Record<string, string>> = {
  ext2: "e2fsck -f",
  ext3: "e2fsck -f",
  ext4: "e2fsck -f",
  vfat: "fsck.vfat -a",
  exfat: "fsck.exfat",
  f2fs: "fsck.f2fs -f",
  xfs: "xfs_repair",
};

/** Also ext4's own words for a file system that it writes to no more (Linux 6.12 and later). */
export function isReadOnly({ options, superOptions }: Pick<Mount, "options" | "superOptions">): boolean {
  return options.includes("ro") || hasStopped(superOptions) || superOptions.includes("ro");
}

/** The kernel has ended all writing after an error. */
function hasStopped(superOptions: readonly string[]): boolean {
  return superOptions.includes("emergency_ro") || superOptions.includes("shutdown");
}

/** One clause; undefined for a disk that can be written to and says nothing of damage. */
export function describeState(mount: Mount, facts: State): string | undefined {
  const { options, superOptions, source, mountPoint } = mount;
  const kind = facts.fileSystem === "" ? mount.fileSystem : facts.fileSystem;
  const repair = `umount ${mountPoint} && ${REPAIRS[kind] ?? "fsck"} ${source}`;
  const isExt = kind.startsWith("ext");
  if (!isReadOnly(mount))
    return isExt && facts.isDirty ? `its file system has errors: repair it with ${repair}` : undefined;
  if (FIXED.has(kind)) return `it is read-only by its kind (${kind})`;
  if (facts.isWriteProtected)
    return "it is write-protected: by a switch on the card or case, or because its flash is worn out";
  if (kind === "ntfs")
    return describeNtfs(facts, source) ?? `it is mounted read-only: mount -o remount,rw ${mountPoint}`;
  const hasErrors = hasStopped(superOptions) || (isExt && facts.isDirty);
  if (hasErrors) return `it is read-only because its file system has errors: repair it with ${repair}`;
  if (facts.isDirty && (kind === "vfat" || kind === "exfat"))
    return `it is read-only and was not unmounted properly: repair it with ${repair}`;
  // The kernel makes the whole file system read-only when it finds an error; mount(8) says it of the mount,
  // too.
  if (!options.includes("ro") && superOptions.includes("errors=remount-ro"))
    return `it has become read-only, as after an error: look at dmesg, and repair it with ${repair}`;
  return `it is mounted read-only: mount -o remount,rw ${mountPoint}`;
}

function describeNtfs({ isHibernated, isDirty }: State, source: string): string | undefined {
  if (isHibernated)
    return (
      "it is read-only because Windows is hibernated on it, as after each shut-down with fast start-up: " +
      "shut Windows down with 'shutdown /s /f /t 0', then plug the disk in again"
    );
  if (isDirty)
    return (
      "it is read-only because Windows has not unmounted it properly: run 'chkdsk /f' in Windows, " +
      `or ntfsfix -d ${source} while it is not mounted`
    );
  return undefined;
}

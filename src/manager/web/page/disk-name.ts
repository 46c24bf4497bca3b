// What a person calls a disk: its label, or the last part of where it is mounted.
import type { Disk } from "./model.ts";
import { t } from "./text.ts";

export function nameOfDisk({ label, mountPoint }: Pick<Disk, "label" | "mountPoint">): string {
  if (mountPoint === "/") return t("disk.system");
  if (label !== undefined && label !== "") return label;
  return mountPoint.split("/").at(-1) ?? mountPoint;
}

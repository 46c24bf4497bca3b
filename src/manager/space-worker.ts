// Worker that asks one disk for its space, so that only this thread waits for a disk that hangs.
import { errnoName } from "../linux/errno.ts";
import { AT_FDCWD, closeFd, Open, openAt } from "../linux/open.ts";
import { statfsFd } from "../linux/stat.ts";
import type { SpaceAnswer } from "./disk-space.ts";

declare const self: Worker;

self.onmessage = (event: MessageEvent<string>) => self.postMessage(askDisk(event.data));

function askDisk(mountPoint: string): SpaceAnswer {
  const fd = openAt(AT_FDCWD, mountPoint, Open.PATH | Open.DIRECTORY);
  if (fd < 0) return { code: errnoName(fd) };
  const found = statfsFd(fd);
  closeFd(fd);
  if (typeof found === "number") return { code: errnoName(found) };
  const { available, blockBytes, blocks } = found;
  return { totalBytes: blocks * blockBytes, freeBytes: available * blockBytes };
}

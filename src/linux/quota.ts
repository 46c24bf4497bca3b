// Kernel quotas of a user or group on one file system; quotactl(2), linux/quota.h.
import { Scratch, sys } from "./libc.ts";
import { Syscall } from "./syscall-numbers.ts";

export const QuotaType = { USER: 0, GROUP: 1 } as const;
export type QuotaType = (typeof QuotaType)[keyof typeof QuotaType];

/** Limits and usage in bytes and in files; a limit of 0 means no limit. */
export interface Quota {
  readonly softBytes: number;
  readonly hardBytes: number;
  readonly usedBytes: number;
  readonly softFiles: number;
  readonly hardFiles: number;
  readonly usedFiles: number;
}

const Q_GETQUOTA = 0x80_0007;
const LIMIT_BLOCK_BYTES = 1024;
// struct if_dqblk: eight u64, a u32 and its padding.
export const DQBLK_SIZE = 72;
const room = new Scratch(DQBLK_SIZE);

function u64(offset: number): number {
  return room.view.getUint32(offset, true) + room.view.getUint32(offset + 4, true) * 0x1_0000_0000;
}

/**
 * Returns the quota of an id on the file system of a descriptor (O_PATH too), or -errno: -ESRCH when quotas
 * are off there, -ENOSYS before Linux 5.14 and when the file system has no quotas.
 */
export function quotaOf(fd: number, type: QuotaType, id: number): Quota | number {
  const result = sys(Syscall.quotactl_fd, fd, Q_GETQUOTA * 256 + type, id, room.address);
  if (result < 0) return result;
  return {
    hardBytes: u64(0) * LIMIT_BLOCK_BYTES,
    softBytes: u64(8) * LIMIT_BLOCK_BYTES,
    usedBytes: u64(16),
    hardFiles: u64(24),
    softFiles: u64(32),
    usedFiles: u64(40),
  };
}

// LOCK and CANCEL requests of the raw client; [MS-SMB2] 3.2.4.19, 3.2.4.20, 3.2.4.24.
import { encodeCancelRequest } from "../../../src/wire/command/cancel.ts";
import type { FileId } from "../../../src/wire/file-id.ts";
import { Command, HeaderFlag } from "../../../src/wire/header.ts";
import { encodeLockRequest, type LockElement, LockFlag } from "../../../src/wire/command/lock.ts";
import type { Call } from "./raw-calls.ts";
import { callOn, type Mount } from "./raw-files.ts";

export const EXCLUSIVE_NOW: number = LockFlag.EXCLUSIVE | LockFlag.FAIL_IMMEDIATELY;
export const SHARED_NOW: number = LockFlag.SHARED | LockFlag.FAIL_IMMEDIATELY;

export function element(offset: number | bigint, length: number | bigint, flags: number): LockElement {
  return { offset: BigInt(offset), length: BigInt(length), flags };
}

/** `sequence` is LockSequenceIndex * 16 + LockSequenceNumber. */
export function lockCall(mount: Mount, fileId: FileId, locks: readonly LockElement[], sequence = 0): Call {
  return {
    ...callOn(mount, Command.LOCK, (writer) =>
      encodeLockRequest(writer, {
        sequenceNumber: sequence % 16,
        sequenceIndex: Math.floor(sequence / 16),
        fileId,
        locks,
      }),
    ),
    room: 48 + 24 * locks.length,
  };
}

export function lockOne(
  mount: Mount,
  fileId: FileId,
  offset: number | bigint,
  length: number | bigint,
  flags: number,
): Call {
  return lockCall(mount, fileId, [element(offset, length, flags)]);
}

/** Cancels a request; the server does not respond to CANCEL itself. */
export function sendCancel(mount: Mount, messageId: number, asyncId: number): void {
  const { bytes } = mount.client.build({
    ...callOn(mount, Command.CANCEL, (writer) => encodeCancelRequest(writer, {})),
    messageId,
    asyncId,
    creditCharge: 0,
    credits: 0,
    flags: asyncId === 0 ? 0 : HeaderFlag.ASYNC_COMMAND,
  });
  mount.client.transmit(bytes, mount.session);
}

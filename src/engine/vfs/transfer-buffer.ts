// The memory of file data, as stores and workers see it.
import { addressOf } from "../../linux/libc.ts";

/**
 * Memory that file data is read into and written from. A worker gets its address, and may use it long after
 * the call has timed out: from `beginUse` to `endUse` it holds no other data, whatever becomes of the
 * request.
 */
export interface TransferBuffer {
  readonly bytes: Uint8Array;
  /** Address of the first byte. */
  readonly address: number;
  beginUse(): void;
  endUse(): void;
}

/** Bytes of the runtime's heap as a transfer buffer. The caller does not use them again after -ETIMEDOUT. */
export function heapBuffer(bytes: Uint8Array): TransferBuffer {
  const nothing = (): void => undefined;
  return { bytes, address: addressOf(bytes), beginUse: nothing, endUse: nothing };
}

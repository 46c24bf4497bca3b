// The start of every SMB2 body: StructureSize, the size of the fixed part plus, if odd, one byte of the
// dynamic part. [MS-SMB2] 2.2: the StructureSize field of each command.
import { type Message, wireError } from "./cursor.ts";
import { HEADER_SIZE } from "./header.ts";

/** Offset of the body from the start of the SMB2 header. */
export const BODY = HEADER_SIZE;

/**
 * Throws WireError when StructureSize is not `size` or the fixed part is truncated. The dynamic byte that an
 * odd size includes may be missing: Windows and Samba send empty buffers both with and without it.
 */
export function checkStructureSize(message: Message, size: number): void {
  if (message.u16(BODY) !== size) throw wireError("wrong StructureSize");
  if (message.length < BODY + (size & ~1)) throw wireError("fixed part cut off");
}

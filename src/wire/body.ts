// The start of every SMB2 body: StructureSize, which counts the fixed part and, when odd, one byte of the dynamic part.
// [MS-SMB2] 2.2: "The StructureSize field" of each command.
import { type Message, wireError } from "./cursor.ts";
import { HEADER_SIZE } from "./header.ts";

/** Offset of the body from the SMB2 header. */
export const BODY = HEADER_SIZE;

/**
 * Refuses a body whose StructureSize is not `size` or whose fixed part is cut off. The one dynamic byte that an odd
 * size counts may be missing: Windows and Samba send empty buffers both with and without it.
 */
export function checkStructureSize(message: Message, size: number): void {
  if (message.u16(BODY) !== size) throw wireError("wrong StructureSize");
  if (message.length < BODY + (size & ~1)) throw wireError("fixed part cut off");
}

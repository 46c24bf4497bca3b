// SMB2 ERROR: the body of a response with an error status; in 3.1.1 its data is a list of error contexts.
// [MS-SMB2] 2.2.2, 2.2.2.1 (contexts), 2.2.2.2.1 (symbolic link error).
import { BODY, checkStructureSize } from "../body.ts";
import { Message, type Writer, wireError } from "../cursor.ts";
import { ReparseTag } from "../fscc/attributes.ts";

export const ErrorId = { DEFAULT: 0x0000_0000, SHARE_REDIRECT: 0x7264_5253 } as const;

export interface ErrorContext {
  readonly errorId: number;
  readonly data: Uint8Array;
}

export interface ErrorResponse {
  /** The raw ErrorData; often empty. Encoded only when there are no contexts. */
  readonly data: Uint8Array;
  /** Only in SMB 3.1.1. */
  readonly contexts: readonly ErrorContext[];
}

/** Size of an error body without data: 8 bytes and one byte of ErrorData. */
export const EMPTY_ERROR_SIZE = 9;

/** Writes an error body without data: ByteCount is 0, but one byte of ErrorData is sent. */
export function writeEmptyError(writer: Writer): void {
  writer.u16(9);
  writer.u16(0);
  writer.u32(0);
  writer.u8(0);
}

export function encodeErrorResponse(writer: Writer, response: ErrorResponse): void {
  if (response.contexts.length === 0 && response.data.length === 0) {
    writeEmptyError(writer);
    return;
  }
  const body = writer.position;
  writer.u16(9);
  writer.u8(response.contexts.length);
  writer.u8(0);
  writer.u32(0);
  if (response.contexts.length === 0) writer.raw(response.data);
  for (const [index, context] of response.contexts.entries()) {
    if (index > 0) writer.align(8);
    writer.u32(context.data.length);
    writer.u32(context.errorId);
    writer.raw(context.data);
  }
  writer.patch32(body + 4, writer.position - body - 8);
}

export function decodeErrorResponse(message: Message): ErrorResponse {
  checkStructureSize(message, 9);
  const count = message.u8(BODY + 2);
  const data = message.range(BODY + 8, message.u32(BODY + 4));
  if (count === 0) return { data, contexts: [] };
  const inner = new Message(data);
  const contexts: ErrorContext[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const length = inner.u32(at);
    contexts.push({ errorId: inner.u32(at + 4), data: inner.range(at + 8, length) });
    at = (at + 8 + length + 7) & ~7;
  }
  return { data, contexts };
}

/** [MS-SMB2] 2.2.2.2.1: the target of a symbolic link in the path, sent with STATUS_STOPPED_ON_SYMLINK. */
export interface SymlinkError {
  /** Length in bytes of the UTF-16 path that follows the link. */
  readonly unparsedPathLength: number;
  readonly isRelative: boolean;
  readonly substituteName: string;
  readonly printName: string;
}

const SYMLINK_TAG = 0x4c4d_5953;

/** Writes the ErrorData; in 3.1.1 it is the data of a context with ErrorId.DEFAULT. */
export function encodeSymlinkError(writer: Writer, error: SymlinkError): void {
  const start = writer.position;
  const substitute = error.substituteName.length * 2;
  const print = error.printName.length * 2;
  writer.u32(0);
  writer.u32(SYMLINK_TAG);
  writer.u32(ReparseTag.SYMLINK);
  writer.u16(12 + substitute + print);
  writer.u16(error.unparsedPathLength);
  writer.u16(0);
  writer.u16(substitute);
  writer.u16(substitute);
  writer.u16(print);
  writer.u32(error.isRelative ? 1 : 0);
  writer.utf16(error.substituteName);
  writer.utf16(error.printName);
  writer.patch32(start, writer.position - start - 4);
}

export function decodeSymlinkError(data: Uint8Array): SymlinkError {
  const message = new Message(data);
  if (message.u32(4) !== SYMLINK_TAG || message.u32(8) !== ReparseTag.SYMLINK) {
    throw wireError("not a symbolic link error");
  }
  const name = (at: number) => message.reader(28 + message.u16(at), message.u16(at + 2));
  const substitute = name(16);
  const print = name(20);
  return {
    unparsedPathLength: message.u16(14),
    isRelative: (message.u32(24) & 1) !== 0,
    substituteName: substitute.utf16(substitute.remaining),
    printName: print.utf16(print.remaining),
  };
}

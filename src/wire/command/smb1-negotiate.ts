// SMB_COM_NEGOTIATE of SMB1, the one message of it that is understood: old clients ask for SMB2 through it.
// [MS-SMB2] 3.3.5.3; [MS-CIFS] 2.2.4.52.1, header 2.2.3.1.
import { type Message, type Writer, wireError } from "../cursor.ts";
import { PROTOCOL_SMB1 } from "../header.ts";

const SMB1_HEADER_SIZE = 32;
const COM_NEGOTIATE = 0x72;
const BUFFER_FORMAT_DIALECT = 0x02;
// A client of ours: long file names, extended security, NT status, Unicode.
const FLAGS2 = 0xc853;

/** SMB 2.0.2 itself, or any 2.x with a second NEGOTIATE to follow. */
export const Smb1Dialect = { SMB_2_002: "SMB 2.002", SMB_2_WILDCARD: "SMB 2.???" } as const;

export interface Smb1NegotiateRequest {
  /** In the client's order; bytes above 0x7F stand for themselves. */
  readonly dialects: readonly string[];
}

/** Refuses every other SMB1 command. The message starts at the SMB1 header. */
export function decodeSmb1NegotiateRequest(message: Message): Smb1NegotiateRequest {
  if (message.u32(0) !== PROTOCOL_SMB1 || message.u8(4) !== COM_NEGOTIATE) {
    throw wireError("not an SMB1 negotiate");
  }
  if (message.u8(SMB1_HEADER_SIZE) !== 0) throw wireError("SMB1 negotiate with parameters");
  const bytes = message.range(SMB1_HEADER_SIZE + 3, message.u16(SMB1_HEADER_SIZE + 1));
  const dialects: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(0, at + 1);
    if (bytes[at] !== BUFFER_FORMAT_DIALECT || end < 0) throw wireError("SMB1 dialect malformed");
    let dialect = "";
    for (const byte of bytes.subarray(at + 1, end)) dialect += String.fromCharCode(byte);
    dialects.push(dialect);
    at = end + 1;
  }
  return { dialects };
}

/** Writes a whole SMB1 message, header included. */
export function encodeSmb1NegotiateRequest(writer: Writer, request: Smb1NegotiateRequest): void {
  const start = writer.position;
  writer.zero(SMB1_HEADER_SIZE);
  writer.patch32(start, PROTOCOL_SMB1);
  writer.patch16(start + 4, COM_NEGOTIATE);
  writer.patch16(start + 10, FLAGS2);
  writer.u8(0);
  const count = writer.position;
  writer.u16(0);
  for (const dialect of request.dialects) {
    writer.u8(BUFFER_FORMAT_DIALECT);
    for (let i = 0; i < dialect.length; i++) writer.u8(dialect.charCodeAt(i));
    writer.u8(0);
  }
  writer.patch16(count, writer.position - count - 2);
}

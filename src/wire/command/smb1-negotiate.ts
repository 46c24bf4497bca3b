// SMB_COM_NEGOTIATE, the only SMB1 message that the server understands: clients may request SMB2 with it.
// [MS-SMB2] 3.3.5.3; [MS-CIFS] 2.2.4.52.1, header 2.2.3.1.
import { type Message, type Writer, wireError } from "../cursor.ts";
import { PROTOCOL_SMB1 } from "../header.ts";

const SMB1_HEADER_SIZE = 32;
const COM_NEGOTIATE = 0x72;
const BUFFER_FORMAT_DIALECT = 0x02;
// Flags2 of our test client: long file names, extended security, NT status, Unicode.
const FLAGS2 = 0xc853;

/** SMB 2.0.2, and any SMB 2 or 3 dialect that an SMB2 NEGOTIATE then selects. */
export const Smb1Dialect = { SMB_2_002: "SMB 2.002", SMB_2_WILDCARD: "SMB 2.???" } as const;

export interface Smb1NegotiateRequest {
  /** In the client's order, decoded as Latin-1. */
  readonly dialects: readonly string[];
}

/** Decodes a message that starts with the SMB1 header. Throws WireError for every other SMB1 command. */
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

/** Writes a whole message with its SMB1 header. */
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

// Kerberos' message tokens with AES in the exchange of DCE, as RPC uses them: MIC tokens beside the message,
// Wrap tokens whose ciphertext is rotated so that the body keeps its place. RFC 4121 4.2, [MS-KILE] 3.4.5.4.
import { timingSafeEqual } from "node:crypto";
import type { CoveredBytes, EncryptionType } from "../../crypto/kerberos-type.ts";
import { KeyUsage } from "../../crypto/kerberos.ts";
import type { MessageProtection } from "../../port/pipes.ts";

/** TOK_ID, flags, filler, for a Wrap token EC and RRC, and the number of the message; RFC 4121 4.2.6. */
const HEADER_BYTES = 16;
const MIC_ID = 0x0404;
const WRAP_ID = 0x0504;
/** Bits of the flags; RFC 4121 4.2.2. */
const SENT_BY_ACCEPTOR = 0x01;
const SEALED = 0x02;
const ACCEPTOR_SUBKEY = 0x04;
/** EC: Windows refuses Wrap tokens without filler bytes. */
const FILLER_BYTES = 16;

export interface KerberosKeys {
  readonly type: EncryptionType;
  readonly key: Uint8Array;
  /** The key is a subkey of the server's. */
  readonly isServerKey: boolean;
  /** Numbers of the next message of each side. */
  readonly sequence: number;
  readonly clientSequence: number;
}

export class KerberosProtection implements MessageProtection {
  private readonly keys: KerberosKeys;
  private readonly coversHeader: boolean;
  private outgoing: number;
  private incoming: number;

  /** `coversHeader`: what surrounds the body is covered by signatures as well. */
  constructor(keys: KerberosKeys, coversHeader: boolean) {
    this.keys = keys;
    this.coversHeader = coversHeader;
    this.outgoing = keys.sequence;
    this.incoming = keys.clientSequence;
  }

  get signatureBytes(): number {
    return HEADER_BYTES + this.keys.type.hashBytes;
  }

  get sealBytes(): number {
    return HEADER_BYTES + FILLER_BYTES + this.rotation + this.keys.type.confounderBytes;
  }

  sign(message: Uint8Array, from: number, to: number): Uint8Array {
    const header = tokenHeader(MIC_ID, SENT_BY_ACCEPTOR | this.subkeyFlag, this.outgoing++);
    return Buffer.concat([header, this.checksum(KeyUsage.ACCEPTOR_SIGN, message, from, to, header)]);
  }

  verify(message: Uint8Array, from: number, to: number, signature: Uint8Array): boolean {
    const header = tokenHeader(MIC_ID, this.subkeyFlag, this.incoming++);
    const checksum = this.checksum(KeyUsage.INITIATOR_SIGN, message, from, to, header);
    return isSame(Buffer.concat([header, checksum]), signature);
  }

  seal(message: Uint8Array, from: number, to: number): Uint8Array {
    const { type, key } = this.keys;
    const header = tokenHeader(WRAP_ID, SENT_BY_ACCEPTOR | SEALED | this.subkeyFlag, this.outgoing++);
    setCounts(header, FILLER_BYTES, 0);
    const plain = Buffer.concat([message.subarray(from, to), new Uint8Array(FILLER_BYTES), header]);
    const confounder = crypto.getRandomValues(new Uint8Array(type.confounderBytes));
    const covered = this.covered(message, from, to);
    const cipher = type.encrypt(key, KeyUsage.ACCEPTOR_SEAL, plain, confounder, covered);
    const bodyAt = type.confounderBytes;
    const bodyEnd = bodyAt + to - from;
    message.set(cipher.subarray(bodyAt, bodyEnd), from);
    setCounts(header, FILLER_BYTES, this.rotation);
    return Buffer.concat([header, cipher.subarray(bodyEnd), cipher.subarray(0, bodyAt)]);
  }

  unseal(message: Uint8Array, from: number, to: number, token: Uint8Array): boolean {
    const { type, key } = this.keys;
    const header = tokenHeader(WRAP_ID, SEALED | this.subkeyFlag, this.incoming++);
    const fillerBytes = ((token[4] ?? 0) << 8) | (token[5] ?? 0);
    setCounts(header, fillerBytes, this.rotation);
    const rotatedEnd = HEADER_BYTES + fillerBytes + this.rotation;
    const hasLength = token.length === rotatedEnd + type.confounderBytes;
    if (!hasLength || !isSame(header, token.subarray(0, HEADER_BYTES))) return false;
    const cipher = Buffer.concat([
      token.subarray(rotatedEnd),
      message.subarray(from, to),
      token.subarray(HEADER_BYTES, rotatedEnd),
    ]);
    const plain = type.decrypt(key, KeyUsage.INITIATOR_SEAL, cipher, this.covered(message, from, to));
    if (plain === undefined) return false;
    setCounts(header, fillerBytes, 0);
    message.set(plain.subarray(0, to - from), from);
    return isSame(header, plain.subarray(plain.length - HEADER_BYTES));
  }

  /**
   * RRC: the copy of the header and the hash. In the exchange of DCE the filler bytes are rotated with them.
   */
  private get rotation(): number {
    return HEADER_BYTES + this.keys.type.hashBytes;
  }

  private get subkeyFlag(): number {
    return this.keys.isServerKey ? ACCEPTOR_SUBKEY : 0;
  }

  private checksum(
    usage: number,
    message: Uint8Array,
    from: number,
    to: number,
    header: Uint8Array,
  ): Uint8Array {
    const data = this.coversHeader ? message : message.subarray(from, to);
    return this.keys.type.checksum(this.keys.key, usage, Buffer.concat([data, header]));
  }

  private covered(message: Uint8Array, from: number, to: number): readonly CoveredBytes[] {
    if (!this.coversHeader) return [];
    return [
      { at: 0, bytes: message.subarray(0, from) },
      { at: to - from, bytes: message.subarray(to) },
    ];
  }
}

function tokenHeader(id: number, flags: number, sequence: number): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES).fill(0xff);
  const view = new DataView(header.buffer);
  view.setUint16(0, id);
  header[2] = flags;
  view.setBigUint64(8, BigInt(sequence));
  return header;
}

function setCounts(header: Uint8Array, fillerBytes: number, rotation: number): void {
  const view = new DataView(header.buffer, header.byteOffset);
  view.setUint16(4, fillerBytes);
  view.setUint16(6, rotation);
}

function isSame(expected: Uint8Array, sent: Uint8Array): boolean {
  return sent.length === expected.length && timingSafeEqual(expected, sent);
}

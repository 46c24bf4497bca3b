// NTLM session security with extended session security: signatures and sealing with the keys of a finished
// log-on. [MS-NLMP] 3.4.2 to 3.4.5. Used for mechListMIC of SPNEGO and for the messages of an RPC
// association.
import { timingSafeEqual } from "node:crypto";
import { messageSignature, type NtlmSide, sealKey, type SealStrength, signKey } from "../../crypto/ntowf.ts";
import type { Provider, Stream } from "../../crypto/provider.ts";
import type { MessageProtection } from "../../port/pipes.ts";
import { NtlmFlag } from "../../wire/auth/ntlmssp.ts";
import type { MessageIntegrity } from "./mechanism.ts";

/**
 * Undefined without extended session security: a signature is then an RC4-encrypted CRC32, which protects
 * nothing. `flags` are the negotiated ones.
 */
export function ntlmIntegrity(
  provider: Provider,
  flags: number,
  sessionKey: Uint8Array,
): MessageIntegrity | undefined {
  if (!(flags & NtlmFlag.EXTENDED_SESSIONSECURITY)) return undefined;
  const keys = { provider, flags, sessionKey };
  return {
    sign: (bytes) => new Direction(keys, "server", 0).sign(bytes),
    verify: (bytes, mic) => isSame(new Direction(keys, "client", 0).sign(bytes), mic),
    protection: (firstSequence) => new NtlmProtection(keys, firstSequence),
  };
}

interface Keys {
  readonly provider: Provider;
  readonly flags: number;
  readonly sessionKey: Uint8Array;
}

class NtlmProtection implements MessageProtection {
  readonly signatureBytes = 16;
  readonly sealBytes = 16;
  private readonly outgoing: Direction;
  private readonly incoming: Direction;

  constructor(keys: Keys, firstSequence: number) {
    this.outgoing = new Direction(keys, "server", firstSequence);
    this.incoming = new Direction(keys, "client", firstSequence);
  }

  sign(message: Uint8Array): Uint8Array {
    return this.outgoing.sign(message);
  }

  verify(message: Uint8Array, _from: number, _to: number, signature: Uint8Array): boolean {
    return isSame(this.incoming.sign(message), signature);
  }

  // 3.4.3: the text takes the key stream before the checksum, which covers what was not encrypted.
  seal(message: Uint8Array, from: number, to: number): Uint8Array {
    const secret = this.outgoing.crypt(message.subarray(from, to));
    const signature = this.outgoing.sign(message);
    message.set(secret, from);
    return signature;
  }

  unseal(message: Uint8Array, from: number, to: number, signature: Uint8Array): boolean {
    message.set(this.incoming.crypt(message.subarray(from, to)), from);
    return isSame(this.incoming.sign(message), signature);
  }
}

/** The messages of one sender: their key stream and sequence number. */
class Direction {
  private readonly provider: Provider;
  private readonly signingKey: Uint8Array;
  private readonly stream: Stream;
  /** The checksum is encrypted with the key stream. */
  private readonly isChecksumSealed: boolean;
  private sequence: number;

  constructor({ provider, flags, sessionKey }: Keys, side: NtlmSide, firstSequence: number) {
    const strength: SealStrength = flags & NtlmFlag.KEY_128 ? 128 : flags & NtlmFlag.KEY_56 ? 56 : 40;
    this.provider = provider;
    this.signingKey = signKey(provider, sessionKey, side);
    this.stream = provider.rc4(sealKey(provider, sessionKey, side, strength));
    this.isChecksumSealed = (flags & NtlmFlag.KEY_EXCH) !== 0;
    this.sequence = firstSequence;
  }

  crypt(bytes: Uint8Array): Uint8Array {
    return this.stream.update(bytes);
  }

  /** The signature of the sender's next message. */
  sign(message: Uint8Array): Uint8Array {
    const stream = this.isChecksumSealed ? this.stream : undefined;
    const signature = messageSignature(this.provider, this.signingKey, stream, this.sequence, message);
    this.sequence = (this.sequence + 1) >>> 0;
    return signature;
  }
}

function isSame(expected: Uint8Array, sent: Uint8Array): boolean {
  return sent.length === expected.length && timingSafeEqual(expected, sent);
}

// A session's keys on the client side: signs and verifies, seals and opens messages.
// [MS-SMB2] 3.2.5.3.1 (keys), 3.1.4.1 (signing), 3.1.4.3 (sealing).
import { deriveKeys30, deriveKeys311, deriveSigningKey2, type SessionKeys } from "../../../src/crypto/kdf.ts";
import { GmacRole, NonceSequence, writeGmacNonce } from "../../../src/crypto/nonce.ts";
import type { Aead, Mac, Provider } from "../../../src/crypto/provider.ts";
import { Command, HeaderFlag, HeaderOffset } from "../../../src/wire/header.ts";
import { Dialect } from "../../../src/wire/command/negotiate.ts";
import { Cipher, SigningAlgorithm } from "../../../src/wire/context/negotiate-context.ts";
import {
  checkTransform,
  TRANSFORM_AAD,
  TRANSFORM_SIZE,
  TransformOffset,
  writeTransform,
} from "../../../src/wire/transform.ts";

/** The negotiated dialect and algorithms that the keys depend on. */
export interface Algorithms {
  readonly dialect: number;
  /** 0: no cipher was negotiated, sealing is not possible. */
  readonly cipher: number;
  readonly signing: number;
}

export class RawSession {
  readonly id: number;
  readonly algorithms: Algorithms;
  readonly keys: SessionKeys;
  /** SessionFlags of the final SESSION_SETUP response. */
  readonly flags: number;
  /** Signs requests by default; a call can override it. */
  signs: boolean;
  /** Seals requests by default. */
  seals = false;
  private readonly mac: Mac;
  private readonly sealer: Aead | undefined;
  private readonly opener: Aead | undefined;
  private readonly nonces = new NonceSequence();

  constructor(
    provider: Provider,
    id: number,
    algorithms: Algorithms,
    mechanismKey: Uint8Array,
    preauthHash: Uint8Array,
    flags: number,
  ) {
    this.id = id;
    this.algorithms = algorithms;
    this.flags = flags;
    this.signs = (flags & 0x3) === 0;
    this.keys = deriveKeys(provider, algorithms, mechanismKey, preauthHash);
    const { signingKey, encryptionKey, decryptionKey } = this.keys;
    if (algorithms.signing === SigningAlgorithm.AES_GMAC) this.mac = provider.aesGmac(signingKey);
    else if (algorithms.signing === SigningAlgorithm.AES_CMAC) this.mac = provider.aesCmac(signingKey);
    else this.mac = provider.hmacSha256Mac(signingKey);
    if (algorithms.cipher !== 0) {
      const isGcm = algorithms.cipher === Cipher.AES_128_GCM || algorithms.cipher === Cipher.AES_256_GCM;
      const create = isGcm ? provider.aesGcm : provider.aesCcm;
      // The names are from the server's side: the client encrypts with the server's decryption key.
      this.sealer = create(decryptionKey);
      this.opener = create(encryptionKey);
    }
  }

  /** Sets SIGNED and writes the signature of one message; the signature covers the padding. */
  sign(message: Uint8Array): void {
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
    const flags = view.getUint32(HeaderOffset.FLAGS, true) | HeaderFlag.SIGNED;
    view.setUint32(HeaderOffset.FLAGS, flags, true);
    message.fill(0, HeaderOffset.SIGNATURE, HeaderOffset.SIGNATURE + 16);
    const nonce = gmacNonce(message, view, GmacRole.CLIENT);
    this.mac.compute(message, 0, message.length, nonce, message, HeaderOffset.SIGNATURE);
  }

  /** True when the signature of a response is correct. */
  verify(message: Uint8Array): boolean {
    const copy = message.slice();
    const view = new DataView(copy.buffer);
    copy.fill(0, HeaderOffset.SIGNATURE, HeaderOffset.SIGNATURE + 16);
    const nonce = gmacNonce(copy, view, GmacRole.SERVER);
    this.mac.compute(copy, 0, copy.length, nonce, copy, HeaderOffset.SIGNATURE);
    return Buffer.compare(copy.subarray(48, 64), message.subarray(48, 64)) === 0;
  }

  /** Returns the transform header and the sealed messages. Tests pass `nonce` to reuse one on purpose. */
  seal(messages: Uint8Array, nonce?: Uint8Array): Uint8Array {
    const frame = new Uint8Array(TRANSFORM_SIZE + messages.length);
    this.sealInto(frame, messages, nonce);
    return frame;
  }

  /** As `seal`, into a buffer of exactly TRANSFORM_SIZE + messages.length bytes. */
  sealInto(frame: Uint8Array, messages: Uint8Array, nonce?: Uint8Array): void {
    if (this.sealer === undefined) throw new Error("no cipher was negotiated");
    const used = nonce ?? new Uint8Array(this.sealer.nonceLength);
    if (nonce === undefined) this.nonces.next(used);
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    writeTransform(frame, view, 0, used, messages.length, this.id);
    frame.set(messages, TRANSFORM_SIZE);
    const tag = frame.subarray(TransformOffset.SIGNATURE, TransformOffset.NONCE);
    const aad = frame.subarray(TRANSFORM_AAD, TRANSFORM_SIZE);
    this.sealer.seal(used, aad, frame, TRANSFORM_SIZE, frame.length, tag);
  }

  /** Decrypts a sealed frame in place and returns its messages. Throws if the authentication tag is wrong. */
  open(frame: Uint8Array): Uint8Array {
    if (this.opener === undefined) throw new Error("received a sealed frame, but no cipher was negotiated");
    checkTransform(new DataView(frame.buffer, frame.byteOffset), 0, frame.length);
    const nonce = frame.subarray(TransformOffset.NONCE, TransformOffset.NONCE + this.opener.nonceLength);
    const aad = frame.subarray(TRANSFORM_AAD, TRANSFORM_SIZE);
    const tag = frame.subarray(TransformOffset.SIGNATURE, TransformOffset.NONCE);
    if (!this.opener.open(nonce, aad, frame, TRANSFORM_SIZE, frame.length, tag)) {
      throw new Error("received a sealed frame with a wrong authentication tag");
    }
    return frame.subarray(TRANSFORM_SIZE);
  }
}

function deriveKeys(
  provider: Provider,
  { dialect, cipher }: Algorithms,
  mechanismKey: Uint8Array,
  preauthHash: Uint8Array,
): SessionKeys {
  if (dialect === Dialect.SMB_3_1_1) {
    const bits = cipher === Cipher.AES_256_CCM || cipher === Cipher.AES_256_GCM ? 256 : 128;
    return deriveKeys311(provider, mechanismKey, preauthHash, bits);
  }
  if (dialect >= Dialect.SMB_3_0) return deriveKeys30(provider, mechanismKey);
  const key = deriveSigningKey2(mechanismKey);
  return { signingKey: key, encryptionKey: key, decryptionKey: key, applicationKey: key };
}

function gmacNonce(message: Uint8Array, view: DataView, role: GmacRole): Uint8Array {
  const nonce = new Uint8Array(12);
  const isCancel = view.getUint16(HeaderOffset.COMMAND, true) === Command.CANCEL;
  writeGmacNonce(nonce, message, HeaderOffset.MESSAGE_ID, role, isCancel);
  return nonce;
}

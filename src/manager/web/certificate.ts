// Makes a self-signed X.509 certificate for the web page's TLS: ECDSA on P-256, version 3; RFC 5280, RFC
// 5480.
import { createHash, createPrivateKey, createPublicKey, sign, X509Certificate } from "node:crypto";
import { contextTag, encodeDer, encodeInteger, encodeOid, Tag } from "../../wire/auth/der.ts";
import { parseSocketAddress } from "../../linux/socket-address.ts";

export interface CertificatePlan {
  /** The private key as PEM, on P-256. */
  readonly key: string;
  /** Positive, at most 20 octets; random. */
  readonly serial: Uint8Array;
  /** DNS names; the first one is also the subject's common name. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
}

const OID = {
  commonName: "2.5.4.3",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  basicConstraints: "2.5.29.19",
  keyUsage: "2.5.29.15",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  subjectAltName: "2.5.29.17",
  subjectKeyIdentifier: "2.5.29.14",
} as const;

/** Universal tags that tokens of authentication do not have; X.680. */
const X509Tag = {
  BOOLEAN: 0x01,
  BIT_STRING: 0x03,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SET: 0x31,
  /** [2] IMPLICIT IA5String and [7] IMPLICIT OCTET STRING of GeneralName; RFC 5280 4.2.1.6. */
  DNS_NAME: 0x82,
  IP_ADDRESS: 0x87,
} as const;

/** ub-common-name of RFC 5280's appendix A.1. */
const MAX_COMMON_NAME = 64;

/** Returns the certificate as PEM. */
export function makeCertificate(plan: CertificatePlan): string {
  const key = createPrivateKey(plan.key);
  const publicKey = createPublicKey(plan.key).export({ format: "der", type: "spki" });
  const algorithm = sequence(encodeOid(OID.ecdsaWithSha256));
  const name = encodeName(plan.names[0] ?? "minismbd");
  const toBeSigned = sequence(
    encodeDer(contextTag(0), encodeInteger(2)),
    encodeDer(Tag.INTEGER, plan.serial),
    algorithm,
    name,
    sequence(encodeTime(plan.fromMs), encodeTime(plan.toMs)),
    name,
    publicKey,
    encodeDer(contextTag(3), encodeExtensions(plan, publicKey)),
  );
  const signature = sign("sha256", toBeSigned, key);
  const whole = sequence(toBeSigned, algorithm, bitString(signature));
  return new X509Certificate(whole).toString();
}

function encodeName(common: string): Uint8Array {
  const text = encodeDer(X509Tag.UTF8_STRING, Buffer.from(common.slice(0, MAX_COMMON_NAME)));
  return sequence(encodeDer(X509Tag.SET, sequence(encodeOid(OID.commonName), text)));
}

/**
 * CA is false and the key only signs handshakes: whoever trusts this certificate trusts one server, and not
 * what its key would sign.
 */
function encodeExtensions(plan: CertificatePlan, publicKey: Uint8Array): Uint8Array {
  const names = plan.names.map((name) => encodeDer(X509Tag.DNS_NAME, Buffer.from(name, "latin1")));
  const addresses = plan.addresses.flatMap((address) => {
    const found = parseSocketAddress(address, 0);
    return found === undefined ? [] : [encodeDer(X509Tag.IP_ADDRESS, found.bytes)];
  });
  // Method (1) of RFC 5280 4.2.1.2 hashes the key alone; any unique value will do.
  const keyId = createHash("sha256").update(publicKey).digest().subarray(0, 20);
  return sequence(
    extension(OID.basicConstraints, true, sequence()),
    // digitalSignature: bit 0 of 1.
    extension(OID.keyUsage, true, encodeDer(X509Tag.BIT_STRING, Uint8Array.of(7, 0x80))),
    extension(OID.extendedKeyUsage, false, sequence(encodeOid(OID.serverAuth))),
    extension(OID.subjectKeyIdentifier, false, encodeDer(Tag.OCTET_STRING, keyId)),
    extension(OID.subjectAltName, false, sequence(...names, ...addresses)),
  );
}

function extension(oid: string, isCritical: boolean, value: Uint8Array): Uint8Array {
  const critical = isCritical ? [encodeDer(X509Tag.BOOLEAN, Uint8Array.of(0xff))] : [];
  return sequence(encodeOid(oid), ...critical, encodeDer(Tag.OCTET_STRING, value));
}

/** UTCTime up to 2049, GeneralizedTime from 2050 on; RFC 5280 4.1.2.5. */
function encodeTime(timeMs: number): Uint8Array {
  const digits = new Date(timeMs).toISOString().replace(/\.\d+/, "").replace(/[-:T]/g, "");
  const isLate = Number(digits.slice(0, 4)) >= 2050;
  return isLate
    ? encodeDer(X509Tag.GENERALIZED_TIME, Buffer.from(digits))
    : encodeDer(X509Tag.UTC_TIME, Buffer.from(digits.slice(2)));
}

function bitString(bytes: Uint8Array): Uint8Array {
  return encodeDer(X509Tag.BIT_STRING, Uint8Array.of(0), bytes);
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(Tag.SEQUENCE, ...parts);
}

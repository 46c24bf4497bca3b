// The certificate that the server makes for its page: one file with the key and the certificate, beside
// ksmbd.conf, so that both change together. It is made anew before it ends or when the server has another
// name.
import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { replaceFile } from "../replace-file.ts";
import { makeCertificate } from "./certificate.ts";

/** What TLS needs, and what people compare. */
export interface WebCertificate {
  /** PEM; the certificate may be followed by those of its issuers. */
  readonly key: string;
  readonly certificate: string;
  /** SHA-256 of the certificate, as browsers show it: AB:CD:… */
  readonly fingerprint: string;
  readonly endsMs: number;
  /** It is in no file, and lasts as long as the server. */
  readonly isPassing?: true;
  /** Why it is in no file, though it should be. */
  readonly fault?: string;
}

/** Names and addresses for which the certificate is to count. */
export interface CertificateSubject {
  readonly names: readonly string[];
  readonly addresses: readonly string[];
}

const DAY_MS = 86_400_000;
/** Apple's systems refuse certificates of servers that are valid for more than 825 days. */
const VALID_MS = 820 * DAY_MS;
const RENEWED_BEFORE_MS = 30 * DAY_MS;
/** A client's clock may be behind. */
const BACKDATED_MS = DAY_MS;
const MAX_FILE_BYTES = 65_536;
/** Three seconds in all. */
const LOCK_WAITS = 60;

/**
 * A board without a clock starts in 1970: what it makes before it knows the time would have ended long ago.
 * Once it knows the time, the check at the page's next start or within an hour makes another one if need be.
 */
const EARLIEST_MS = Date.UTC(2026, 0, 1);

/**
 * Returns the file's certificate, or a new one after writing it. Throws ConfigError where it cannot be
 * written.
 */
export function ownCertificate(file: string, subject: CertificateSubject, nowMs: number): WebCertificate {
  const found = readOwn(file);
  if (found !== undefined && !isOutdated(found, subject, nowMs)) return found;
  // The same key again where there is one: who has pinned it goes on trusting it.
  const key = found?.key ?? newKey();
  const made = makeOwn(key, subject, nowMs);
  const text = `${made.key.trimEnd()}\n${made.certificate.trimEnd()}\n`;
  replaceFile({ file, name: "the page's certificate", mode: () => 0o600, waits: LOCK_WAITS }, (put) =>
    put(text),
  );
  return made;
}

/** A certificate that lasts as long as the server. */
export function passingCertificate(subject: CertificateSubject, nowMs: number): WebCertificate {
  return { ...makeOwn(newKey(), subject, nowMs), isPassing: true };
}

/** Throws an Error of one line where the texts are no certificate and its key. */
export function parsePair(certificate: string, key: string): WebCertificate {
  const parsed = new X509Certificate(certificate);
  if (!parsed.checkPrivateKey(createPrivateKey(key)))
    throw new Error("the key is that of another certificate");
  return {
    key,
    certificate,
    fingerprint: parsed.fingerprint256,
    endsMs: Date.parse(parsed.validTo),
  };
}

function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  return privateKey.export({ format: "pem", type: "pkcs8" }).toString();
}

function makeOwn(key: string, { names, addresses }: CertificateSubject, nowMs: number): WebCertificate {
  const serial = randomBytes(16);
  // Positive, and without leading zeros.
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const fromMs = Math.max(nowMs, EARLIEST_MS) - BACKDATED_MS;
  const certificate = makeCertificate({ key, serial, names, addresses, fromMs, toMs: fromMs + VALID_MS });
  return parsePair(certificate, key);
}

/** Undefined for a file that is missing or that no version has written. */
function readOwn(file: string): WebCertificate | undefined {
  try {
    if (statSync(file).size > MAX_FILE_BYTES) return undefined;
    const text = readFileSync(file, "utf8");
    const [key] = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n?/.exec(text) ?? [];
    const [certificate] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/.exec(text) ?? [];
    return key === undefined || certificate === undefined ? undefined : parsePair(certificate, key);
  } catch {
    return undefined;
  }
}

function isOutdated(
  { certificate, endsMs }: WebCertificate,
  subject: CertificateSubject,
  nowMs: number,
): boolean {
  const parsed = new X509Certificate(certificate);
  // Before a board knows the time it keeps what it made while it knew.
  const isTimeKnown = nowMs >= EARLIEST_MS;
  if (isTimeKnown && endsMs - nowMs < RENEWED_BEFORE_MS) return true;
  // It was made while the clock was ahead.
  if (isTimeKnown && Date.parse(parsed.validFrom) > nowMs) return true;
  // Addresses come and go; a new certificate for each would have to be trusted each time.
  return !subject.names.every((name) => parsed.checkHost(name) !== undefined);
}

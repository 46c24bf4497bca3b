// The certificate of the page: the administrator's, or the one that the server makes.
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { WebRules } from "../config/load.ts";
import { ConfigError } from "../config/parse.ts";
import { type CertificateSubject, ownCertificate, parsePair, passingCertificate } from "./own-certificate.ts";
import type { WebCertificate } from "./own-certificate.ts";

const OWN_FILE = "ksmbd-web.pem";
/** A certificate with those of its issuers. */
const MAX_FILE_BYTES = 262_144;

/** What the worker is asked. */
export interface CertificateQuestion {
  readonly rules: WebRules;
  /** The server's own certificate is beside it; null: it is in no file. */
  readonly passwordFile: string | null;
  readonly subject: CertificateSubject;
  /** The last one that is in no file: it lasts as long as the server. */
  readonly passing: WebCertificate | undefined;
  readonly nowMs: number;
}

/** The page is what shows that a disk is full: it must not need room itself. */
const UNWRITABLE: ReadonlySet<string | undefined> = new Set(["ENOSPC", "EDQUOT", "EROFS"]);

/**
 * Reads files, and waits for another writer's lock: for a worker. Throws ConfigError for a certificate of the
 * administrator's that cannot be used, and where the server's own cannot be written but for want of room.
 */
export function findCertificate(question: CertificateQuestion): WebCertificate {
  const { nowMs, passing, passwordFile, rules, subject } = question;
  const { certificateFile, keyFile } = rules;
  if (certificateFile !== "") return givenCertificate(certificateFile, keyFile, nowMs);
  if (keyFile !== "") throw new ConfigError(keyFile, "'web key' is of no use without 'web certificate'");
  if (passwordFile === null) return passing ?? passingCertificate(subject, nowMs);
  try {
    return ownCertificate(join(dirname(passwordFile), OWN_FILE), subject, nowMs);
  } catch (error) {
    if (!(error instanceof ConfigError) || !UNWRITABLE.has(error.code)) throw error;
    return { ...(passing ?? passingCertificate(subject, nowMs)), fault: error.message };
  }
}

function givenCertificate(certificateFile: string, keyFile: string, nowMs: number): WebCertificate {
  const certificate = readPem(certificateFile, "web certificate");
  const key = keyFile === certificateFile ? certificate : readPem(keyFile, "web key");
  let found: WebCertificate;
  try {
    found = parsePair(certificate, key);
  } catch (error) {
    const why = (error as Error).message.replace(/^.*:/, "").trim();
    throw new ConfigError(certificateFile, `'web certificate' and 'web key' cannot be used: ${why}`);
  }
  if (found.endsMs <= nowMs)
    throw new ConfigError(
      certificateFile,
      `'web certificate' ended on ${new Date(found.endsMs).toISOString().slice(0, 10)}, renew it`,
    );
  return found;
}

function readPem(file: string, parameter: string): string {
  try {
    if (statSync(file).size > MAX_FILE_BYTES) throw new ConfigError(file, `'${parameter}' is too large`);
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError(file, `'${parameter}' cannot be read (${code})`);
  }
}

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

/** Beside the file of the users. */
export function ownCertificateFile(passwordFile: string): string {
  return join(dirname(passwordFile), OWN_FILE);
}

/**
 * Throws ConfigError for a certificate of the administrator's that cannot be used. `ownFile` is null where
 * the server has no file of its own: a certificate then lasts as long as the server.
 */
export function findCertificate(
  { certificateFile, keyFile }: WebRules,
  ownFile: string | null,
  subject: CertificateSubject,
  nowMs: number,
): WebCertificate {
  if (certificateFile !== "") return givenCertificate(certificateFile, keyFile, nowMs);
  if (keyFile !== "") throw new ConfigError(keyFile, "'web key' is of no use without 'web certificate'");
  return ownFile === null ? passingCertificate(subject, nowMs) : ownCertificate(ownFile, subject, nowMs);
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

// The certificate that the server makes for its page, by the date. The clock is the tests'.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownCertificate } from "../../../src/manager/web/own-certificate.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.UTC(2027, 2, 1);
const SUBJECT = { names: ["box", "box.local"], addresses: ["192.0.2.7"] };

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "own-certificate-"));
  file = join(directory, "ksmbd-web.pem");
});
afterEach(() => rmSync(directory, { recursive: true }));

const at = (nowMs: number, subject = SUBJECT) => ownCertificate(file, subject, nowMs);

function isValidAt(pem: string, ms: number): boolean {
  const { validFrom, validTo } = new X509Certificate(pem);
  return Date.parse(validFrom) <= ms && ms < Date.parse(validTo);
}

test("one that has more than 30 days left is kept, and the file as it is", () => {
  const first = at(NOW_MS);
  const text = readFileSync(file, "utf8");
  expect(at(first.endsMs - 30 * DAY_MS).fingerprint).toBe(first.fingerprint);
  expect(readFileSync(file, "utf8")).toBe(text);
});

test("one that ends within 30 days is made anew with the same key", () => {
  const first = at(NOW_MS);
  const laterMs = first.endsMs - 30 * DAY_MS + 1000;
  const second = at(laterMs);
  expect(second.fingerprint).not.toBe(first.fingerprint);
  expect(second.key).toBe(first.key);
  expect(isValidAt(second.certificate, laterMs)).toBe(true);
  expect(at(laterMs).fingerprint).toBe(second.fingerprint);
});

test("a board without a clock makes one in 1970 that is valid, and kept, once the time is known", () => {
  const first = at(5000);
  expect(isValidAt(first.certificate, Date.UTC(2026, 5, 1))).toBe(true);
  // The next start is in 1970 again, before NTP has answered.
  expect(at(60_000).fingerprint).toBe(first.fingerprint);
  expect(at(Date.UTC(2026, 5, 1)).fingerprint).toBe(first.fingerprint);
});

test("a board that learns years after 2026 what time it is makes another one", () => {
  const first = at(5000);
  const nowMs = Date.UTC(2031, 0, 1);
  const second = at(nowMs);
  expect(second.fingerprint).not.toBe(first.fingerprint);
  expect(isValidAt(second.certificate, nowMs)).toBe(true);
  // The next start is in 1970 again, before NTP has answered.
  expect(at(5000).fingerprint).toBe(second.fingerprint);
});

test("one that was made while the clock was years ahead is made anew", () => {
  const first = at(Date.UTC(2040, 0, 1));
  const second = at(NOW_MS);
  expect(second.fingerprint).not.toBe(first.fingerprint);
  expect(isValidAt(second.certificate, NOW_MS)).toBe(true);
});

test("another name makes another one, another address does not", () => {
  const first = at(NOW_MS);
  expect(at(NOW_MS, { ...SUBJECT, addresses: ["192.0.2.8"] }).fingerprint).toBe(first.fingerprint);
  const renamed = at(NOW_MS, { ...SUBJECT, names: ["attic"] });
  expect(renamed.fingerprint).not.toBe(first.fingerprint);
  expect(new X509Certificate(renamed.certificate).checkHost("attic")).toBe("attic");
});

test("lasts less than the 825 days that Apple's systems accept", () => {
  const { certificate } = at(NOW_MS);
  const { validFrom, validTo } = new X509Certificate(certificate);
  expect(Date.parse(validTo) - Date.parse(validFrom)).toBeLessThan(825 * DAY_MS);
});

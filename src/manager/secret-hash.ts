// The hash of secrets such as tokens and sessions, and the comparison of secrets by it.
import { createHash, timingSafeEqual } from "node:crypto";

/** SHA-256. */
export function hashOfSecret(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** Compares without telling by its time how much is right. */
export function isSameSecret(given: string, wanted: string): boolean {
  return timingSafeEqual(hashOfSecret(given), hashOfSecret(wanted));
}

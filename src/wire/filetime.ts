// FILETIME: 64-bit count of 100 ns since 1601-01-01 UTC; [MS-DTYP] 2.3.3. In memory a time is seconds since
// 1970 and nanoseconds, because a double cannot hold a present-day FILETIME exactly.
import type { Reader, Writer } from "./cursor.ts";

/** A point in time: whole seconds since 1970-01-01 UTC (may be negative) and 0..999,999,999 nanoseconds. */
export interface Time {
  seconds: number;
  nanoseconds: number;
}

const SECONDS_1601_TO_1970 = 11_644_473_600;

/**
 * Writes a time as FILETIME; times before 1601 become 0. Splits the arithmetic so that doubles are exact, to
 * avoid bigints.
 */
export function writeFiletime(writer: Writer, seconds: number, nanoseconds: number): void {
  const whole = seconds + SECONDS_1601_TO_1970;
  if (whole < 0) {
    writer.pair(0, 0);
    return;
  }
  const high = Math.floor(whole / 65536) * 10_000_000;
  const low = (whole % 65536) * 10_000_000 + Math.floor(nanoseconds / 100);
  const sum = (high % 65536) * 65536 + low;
  writer.pair(sum % 0x1_0000_0000, Math.floor(high / 65536) + Math.floor(sum / 0x1_0000_0000));
}

/**
 * Reads a FILETIME of a set request with the special values of [MS-FSCC] 2.4.7: `undefined` for 0 (leave the
 * time unchanged), "stop" for -1 and "resume" for -2 (automatic updates by operations on this handle).
 */
export function readFiletime(reader: Reader): Time | "stop" | "resume" | undefined {
  const ticks = reader.big64();
  if (ticks === 0n) return undefined;
  if (ticks === 0xffff_ffff_ffff_ffffn) return "stop";
  if (ticks === 0xffff_ffff_ffff_fffen) return "resume";
  const seconds = Number(ticks / 10_000_000n) - SECONDS_1601_TO_1970;
  return { seconds, nanoseconds: Number(ticks % 10_000_000n) * 100 };
}

/** Reads a FILETIME without special values; 0 is 1601-01-01. */
export function readTime(reader: Reader): Time {
  const ticks = reader.big64();
  const seconds = Number(ticks / 10_000_000n) - SECONDS_1601_TO_1970;
  return { seconds, nanoseconds: Number(ticks % 10_000_000n) * 100 };
}

/** Writes a FILETIME of a set request: the inverse of `readFiletime`. */
export function writeFiletimeChange(writer: Writer, time: Time | "stop" | "resume" | undefined): void {
  if (time === undefined) writer.pair(0, 0);
  else if (time === "stop") writer.pair(0xffff_ffff, 0xffff_ffff);
  else if (time === "resume") writer.pair(0xffff_fffe, 0xffff_ffff);
  else writeFiletime(writer, time.seconds, time.nanoseconds);
}

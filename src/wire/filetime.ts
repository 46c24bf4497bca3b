// FILETIME: 100 ns ticks since 1601-01-01 UTC in 64 bits; [MS-DTYP] 2.3.3. A time is held as whole seconds
// since 1970 and nanoseconds, both numbers: a FILETIME of today does not fit a double exactly.
import type { Reader, Writer } from "./cursor.ts";

/** A point in time: seconds since 1970-01-01 (may be negative) and 0..999,999,999 nanoseconds. */
export interface Time {
  seconds: number;
  nanoseconds: number;
}

const SECONDS_1601_TO_1970 = 11_644_473_600;

/** Writes a time as FILETIME, without a bigint: hi and lo are computed exactly in doubles. */
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
 * Reads a FILETIME. Special values of [MS-FSCC] 2.4.7 keep their meaning: 0 is `undefined` (leave as it is),
 * -1 is "stop" and -2 "resume" (automatic updates through this handle).
 */
export function readFiletime(reader: Reader): Time | "stop" | "resume" | undefined {
  const ticks = reader.big64();
  if (ticks === 0n) return undefined;
  if (ticks === 0xffff_ffff_ffff_ffffn) return "stop";
  if (ticks === 0xffff_ffff_ffff_fffen) return "resume";
  const seconds = Number(ticks / 10_000_000n) - SECONDS_1601_TO_1970;
  return { seconds, nanoseconds: Number(ticks % 10_000_000n) * 100 };
}

/** Reads a FILETIME that has no special values (an answer, not a request); 0 is 1601 itself. */
export function readTime(reader: Reader): Time {
  const ticks = reader.big64();
  const seconds = Number(ticks / 10_000_000n) - SECONDS_1601_TO_1970;
  return { seconds, nanoseconds: Number(ticks % 10_000_000n) * 100 };
}

/** A FILETIME of a request: the reverse of `readFiletime`. */
export function writeFiletimeChange(writer: Writer, time: Time | "stop" | "resume" | undefined): void {
  if (time === undefined) writer.pair(0, 0);
  else if (time === "stop") writer.pair(0xffff_ffff, 0xffff_ffff);
  else if (time === "resume") writer.pair(0xffff_fffe, 0xffff_ffff);
  else writeFiletime(writer, time.seconds, time.nanoseconds);
}

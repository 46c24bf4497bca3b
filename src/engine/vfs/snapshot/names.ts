// Names of snapshots: clients' @GMT tokens ([MS-SMB2] 2.2.32.2, [MS-SMB] 2.2.1.1.1), and names of snapshot
// directories in a strptime(3) format as in vfs_shadow_copy2(8).
import type { SnapshotRules } from "../../../port/port.ts";

const TOKEN = /^@GMT-(\d{4})\.(\d\d)\.(\d\d)-(\d\d)\.(\d\d)\.(\d\d)$/;

/** Returns the seconds since 1970 for an @GMT token; undefined for any other name or an invalid date. */
export function secondsOfToken(component: string): number | undefined {
  const match = TOKEN.exec(component);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const seconds = Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
  return tokenOf(seconds) === component ? seconds : undefined;
}

/** Returns `@GMT-YYYY.MM.DD-HH.MM.SS` for seconds since 1970. */
export function tokenOf(seconds: number): string {
  const [date = "", time = ""] = new Date(seconds * 1000).toISOString().slice(0, 19).split("T");
  return `@GMT-${date.replaceAll("-", ".")}-${time.replaceAll(":", ".")}`;
}

type Field = "Y" | "y" | "m" | "d" | "H" | "M" | "S" | "s";

const patterns: Readonly<Record<Field, string>> = {
  Y: "(\\d{4})",
  y: "(\\d{2})",
  m: "(\\d{1,2})",
  d: "(\\d{1,2})",
  H: "(\\d{1,2})",
  M: "(\\d{1,2})",
  S: "(\\d{1,2})",
  s: "(\\d{1,11})",
};
/** Letters that abbreviate several fields. */
const expansions: Readonly<Record<string, string>> = { F: "%Y-%m-%d", T: "%H:%M:%S", R: "%H:%M" };

/** Returns the seconds since 1970 for the name of a snapshot directory; undefined for any other name. */
export type NameReader = (name: string) => number | undefined;

/** Compiles the rules' format, prefix and delimiter. */
export function compileSnapshotFormat(rules: SnapshotRules): NameReader {
  const { prefix, delimiter, isLocalTime } = rules;
  const fields: Field[] = [];
  const format = rules.format.replace(/%([FTR])/g, (_, letter: string) => expansions[letter] ?? "");
  const source = format.replace(/%(.)|[.*+?^${}()|[\]\\]/g, (whole, letter: string | undefined) => {
    if (letter === undefined) return `\\${whole}`;
    if (!isField(letter)) return letter === "%" ? "%" : "(?!)";
    fields.push(letter);
    return patterns[letter];
  });
  const shape = new RegExp(`^${source}$`);
  const before = prefix === "" ? undefined : new RegExp(prefix);
  return (name) => {
    let text = name;
    if (before !== undefined) {
      const at = name.indexOf(delimiter);
      if (at < 0 || !before.test(name.slice(0, at))) return undefined;
      text = name.slice(at);
    }
    const match = shape.exec(text);
    return match === null ? undefined : secondsOf(fields, match.slice(1).map(Number), isLocalTime);
  };
}

function isField(letter: string): letter is Field {
  return letter in patterns;
}

const END_OF_TOKENS_MS = Date.UTC(10_000, 0);

function secondsOf(
  fields: readonly Field[],
  values: readonly number[],
  isLocalTime: boolean,
): number | undefined {
  const of = (field: Field): number | undefined => {
    const at = fields.indexOf(field);
    return at < 0 ? undefined : values[at];
  };
  const epoch = of("s");
  if (epoch !== undefined) return epoch;
  const short = of("y");
  // strptime(3), %y: 69 to 99 mean 1969 to 1999.
  const year = of("Y") ?? (short === undefined ? undefined : short + (short < 69 ? 2000 : 1900));
  // FILETIME begins with 1601. Tokens have four-digit years.
  if (year === undefined || year < 1601) return undefined;
  const month = of("m") ?? 1;
  const day = of("d") ?? 1;
  const clock = [of("H") ?? 0, of("M") ?? 0, of("S") ?? 0] as const;
  if (month < 1 || month > 12 || day < 1 || day > 31 || clock[0] > 23 || clock[1] > 59 || clock[2] > 60) {
    return undefined;
  }
  const milliseconds = isLocalTime
    ? new Date(year, month - 1, day, ...clock).getTime()
    : Date.UTC(year, month - 1, day, ...clock);
  return milliseconds < END_OF_TOKENS_MS ? Math.floor(milliseconds / 1000) : undefined;
}

const DATE = /<date>\s*(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\s*<\/date>/;
const DATE_FIELDS: readonly Field[] = ["Y", "m", "d", "H", "M", "S"];

/** Returns the date in snapper's info.xml, which is in UTC, as seconds since 1970. */
export function secondsOfSnapperInfo(text: string): number | undefined {
  const match = DATE.exec(text);
  return match === null ? undefined : secondsOf(DATE_FIELDS, match.slice(1).map(Number), false);
}

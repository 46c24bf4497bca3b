// Messages of the catalogue with their values, and numbers, sizes and times in the page's language.
import { type Catalogue, ENGLISH, type MessageKey, type Plural } from "./messages.ts";

type Values = Readonly<Record<string, string | number>>;

let locale = "en";
let catalogue = ENGLISH;
let plurals = new Intl.PluralRules(locale);
let numbers = new Intl.NumberFormat(locale);
let times = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });

/** Before the first text is made. */
export function speak(chosen: string, texts: Catalogue = ENGLISH): void {
  locale = chosen;
  catalogue = texts;
  plurals = new Intl.PluralRules(locale);
  numbers = new Intl.NumberFormat(locale);
  times = new Intl.DateTimeFormat(locale, { timeStyle: "medium" });
  document.documentElement.lang = locale;
}

/** Text of a message; `count` among the values chooses the plural form. */
export function t(key: MessageKey, values: Values = {}): string {
  const message = catalogue[key];
  const text = typeof message === "string" ? message : chooseForm(message, Number(values["count"] ?? 0));
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number" ? numbers.format(value) : value;
  });
}

function chooseForm(forms: Plural, count: number): string {
  return forms[plurals.select(count)] ?? forms.other;
}

/** The message of `prefix.name` where the catalogue has one. */
export function wordFor(prefix: "parameter" | "hint" | "choice", name: string): string | undefined {
  const key = `${prefix}.${name}`;
  return Object.hasOwn(catalogue, key) ? t(key as MessageKey) : undefined;
}

/** What the server says begins in lower case and has no full stop, as a line of its log. */
export function sentence(text: string): string {
  const first = /^[a-z]+ /.test(text) ? text.charAt(0).toUpperCase() : text.charAt(0);
  return `${first}${text.slice(1)}${text === "" || /[.!?:]$/.test(text) ? "" : "."}`;
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte", "petabyte"] as const;

/** Decimal units, as the makers of disks print them. */
export function formatBytes(count: number): string {
  const step = count < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(count) / 3));
  const value = count / 1000 ** step;
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: UNITS[step] ?? "byte",
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: value < 10 && step > 0 ? 1 : 0,
  }).format(value);
}

export function formatRate(bytesPerSecond: number): string {
  return t("rate", { bytes: formatBytes(Math.round(bytesPerSecond)) });
}

export function formatTime(ms: number): string {
  return times.format(ms);
}

export function formatPercent(part: number): string {
  return new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 }).format(part);
}

/** The largest unit alone: "3 days". */
export function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [unit, size] =
    seconds < 60
      ? (["second", 1] as const)
      : seconds < 3600
        ? (["minute", 60] as const)
        : seconds < 86_400
          ? (["hour", 3600] as const)
          : (["day", 86_400] as const);
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" }).format(
    Math.floor(seconds / size),
  );
}

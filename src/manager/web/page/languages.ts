// The languages of the page, of which the visitor's first one that is here is chosen.
import type { Catalogue } from "./messages.ts";
import { speak } from "./text.ts";

type Load = () => Promise<{ readonly default: Catalogue }>;

/** Besides English, by BCP 47's code; each is loaded by those alone who want it. */
const TRANSLATIONS: Readonly<Record<string, Load>> = {
  de: () => import("./languages/de.json"),
};

/** The first locale with a language of the page; its region decides about numbers and dates. */
export function chooseLocale(wanted: readonly string[]): string {
  return (
    wanted.find((locale) => codeOf(locale) === "en" || Object.hasOwn(TRANSLATIONS, codeOf(locale))) ?? "en"
  );
}

function codeOf(locale: string): string {
  return locale.split("-")[0]?.toLowerCase() ?? "";
}

/** A translation that cannot be loaded leaves the page in English. */
export async function followVisitor(wanted: readonly string[]): Promise<void> {
  const locale = chooseLocale(wanted);
  const load = TRANSLATIONS[codeOf(locale)];
  if (load === undefined) return speak(locale);
  try {
    speak(locale, (await load()).default);
  } catch {
    speak("en");
  }
}

// What a catalogue of the page's texts is. languages/en.json is the one that the page is written with; a
// translation has the same keys, and its plurals the forms of Intl.PluralRules.
import english from "./languages/en.json";

export type MessageKey = keyof typeof english;

/** Forms by the categories of Intl.PluralRules. */
export type Plural = Readonly<Partial<Record<Intl.LDMLPluralRule, string>> & { other: string }>;

export type Catalogue = Readonly<Record<MessageKey, string | Plural>>;

export const ENGLISH: Catalogue = english;

// The page's catalogues: each translation says everything that the English one says, and a visitor gets his own.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chooseLocale } from "../../../src/manager/web/page/languages.ts";
import type { Catalogue, MessageKey, Plural } from "../../../src/manager/web/page/messages.ts";

const PLACE = join(import.meta.dir, "../../../src/manager/web/page/languages");
const codes = [...new Bun.Glob("*.json").scanSync(PLACE)].map((name) => name.replace(".json", "")).sort();
const catalogueOf = (code: string): Catalogue =>
  JSON.parse(readFileSync(join(PLACE, `${code}.json`), "utf8")) as Catalogue;
const english = catalogueOf("en");
const keys = Object.keys(english) as MessageKey[];

const formsOf = (message: string | Plural): readonly string[] =>
  typeof message === "string" ? [message] : Object.values(message);
const placeholdersIn = (text: string): readonly string[] => [...new Set(text.match(/\{\w+\}/g))].sort();

test("English is there, and each catalogue may be chosen by its code", () => {
  expect(codes).toContain("en");
  for (const code of codes) expect(chooseLocale(["tlh", `${code}-XX`, "en"])).toBe(`${code}-XX`);
});

test.each(codes)("%s has the keys of English in its order, and no empty text", (code) => {
  const catalogue = catalogueOf(code);
  expect(Object.keys(catalogue)).toEqual(keys);
  expect(keys.filter((key) => formsOf(catalogue[key]).some((text) => text.trim() === ""))).toEqual([]);
});

test.each(codes)("%s has the plural forms of its language, where English has them", (code) => {
  const catalogue = catalogueOf(code);
  const { pluralCategories } = new Intl.PluralRules(code).resolvedOptions();
  for (const key of keys) {
    const message = catalogue[key];
    expect([key, typeof message]).toEqual([key, typeof english[key]]);
    if (typeof message === "string") continue;
    expect([key, Object.keys(message).sort()]).toEqual([key, [...pluralCategories].sort()]);
  }
});

test.each(codes)("%s has the values that English has in each text", (code) => {
  const catalogue = catalogueOf(code);
  for (const key of keys) {
    const wanted = placeholdersIn(formsOf(english[key]).join(" "));
    const found = placeholdersIn(formsOf(catalogue[key]).join(" "));
    expect([key, found]).toEqual([key, wanted]);
  }
});

test.each([
  [["de-AT", "en"], "de-AT"],
  [["DE"], "DE"],
  [["en-GB", "de"], "en-GB"],
  [["fr", "de-CH", "en"], "de-CH"],
  [["fr", "ja"], "en"],
  [[], "en"],
  [["constructor"], "en"],
])("a visitor who wants %p gets %s", (wanted, locale) => {
  expect(chooseLocale(wanted)).toBe(locale);
});

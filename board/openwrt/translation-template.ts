// The translation template of luci-app-minismbd, po/templates/minismbd.pot, from the texts of its pages, menu and rights:
// `npm run docs`.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const APP = join(import.meta.dir, "luci-app-minismbd");
const TEMPLATE = join(APP, "po/templates/minismbd.pot");
/** Where LuCI's repository, and the tools of its translators, have the app. */
const PREFIX = "applications/luci-app-minismbd";

/** A text of the pages: LuCI's _() with a string in single quotes. */
const PAGE_TEXT = /\b_\('((?:[^'\\\n]|\\.)*)'\)/g;
const JSON_TEXT = /"(?:title|description)":\s*("(?:[^"\\]|\\.)*")/g;

export function translationTemplate(): string {
  const places = new Map<string, Set<string>>();
  const put = (text: string, path: string): void => {
    places.set(text, (places.get(text) ?? new Set()).add(path));
  };
  for (const path of [...new Bun.Glob("htdocs/**/*.js").scanSync(APP)].sort())
    for (const [, text = ""] of read(path).matchAll(PAGE_TEXT)) put(text.replace(/\\(.)/g, "$1"), path);
  for (const path of [...new Bun.Glob("root/**/*.json").scanSync(APP)].sort())
    for (const [, text = ""] of read(path).matchAll(JSON_TEXT)) put(JSON.parse(text) as string, path);
  const entries = [...places].map(([text, paths]) => {
    const shown = [...paths].map((path) => `#: ${PREFIX}/${path}\n`).join("");
    return `${shown}msgid ${JSON.stringify(text)}\nmsgstr ""\n`;
  });
  return `msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8"\n\n${entries.join("\n")}`;
}

function read(path: string): string {
  return readFileSync(join(APP, path), "utf8");
}

if (import.meta.main) writeFileSync(TEMPLATE, translationTemplate());

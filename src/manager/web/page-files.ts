// The files of the web page, which build.ts bundles, compresses and embeds in the executable.
import { BUNDLE } from "./page-bundle.ts";

export interface PageFile {
  readonly type: string;
  /** Compressed by gzip. */
  readonly body: Blob;
  /** Its name changes with its content, so that browsers may keep it for good. */
  readonly isImmutable: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  txt: "text/plain; charset=utf-8",
};

const FIRST = "index.html";
const HASHED = /-[0-9a-z]{8}\.\w+$/;

/**
 * The file of a path such as `/` or `/index-HASH.js`; undefined where there is none, and for all paths where
 * the server runs from its sources.
 */
export function pageFile(path: string): PageFile | undefined {
  const name = path === "/" ? FIRST : path.slice(1);
  const type = TYPES[name.split(".").at(-1) ?? ""];
  const file = Object.hasOwn(BUNDLE, name) ? BUNDLE[name] : undefined;
  if (type === undefined || file === undefined) return undefined;
  return { type, body: Bun.file(file), isImmutable: HASHED.test(name) };
}

// The page as it is bundled: its size, where it loads from, and that every text stands in the catalogue.
import { beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { bundlePage } from "../../../build-page.ts";
import { pageFile } from "../../../src/manager/web/page-files.ts";

const PAGE = join(import.meta.dir, "../../../src/manager/web/page");
const MAX_BYTES = 80_000;

const sources = [...new Bun.Glob("*.{ts,tsx}").scanSync(PAGE)].sort();
let files: ReadonlyMap<string, Uint8Array>;

beforeAll(async () => {
  files = await bundlePage();
});

function textOf(name: string): string {
  return new TextDecoder().decode(gunzipSync(files.get(name) ?? new Uint8Array()));
}

function sourceOf(name: string): string {
  return readFileSync(join(PAGE, name), "utf8");
}

test("the page has at most 80 KB, compressed", () => {
  const sum = [...files.values()].reduce((total, { length }) => total + length, 0);
  expect(sum).toBeGreaterThan(10_000);
  expect(sum).toBeLessThanOrEqual(MAX_BYTES);
});

test("the page loads nothing from elsewhere and has no inline script or style", () => {
  for (const name of files.keys()) {
    if (name === "licenses.txt") continue;
    const addresses = textOf(name).match(/\b(?:https?|wss?):\/\/[^\s"'`)]+/g) ?? [];
    // Names of XML, which are not loaded.
    expect(addresses.filter((address) => !address.startsWith("http://www.w3.org/"))).toEqual([]);
  }
  const html = textOf("index.html");
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/i);
  for (const [, path = ""] of html.matchAll(/(?:src|href)="\.\/([^"]+)"/g))
    expect([...files.keys()]).toContain(path);
});

test("nothing of the page makes elements of text", () => {
  const pattern = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc/;
  expect(sources.filter((name) => pattern.test(sourceOf(name)))).toEqual([]);
});

test("the licences of what the page has parts of are with it", () => {
  const packages = sources
    .flatMap((name) => [...sourceOf(name).matchAll(/from "([a-z][\w-]*)[/"]/g)])
    .map(([, name = ""]) => name);
  expect([...new Set(packages)].sort()).toEqual(["preact", "uplot", "uqr"]);
  const text = textOf("licenses.txt");
  for (const name of packages) expect(text).toContain(`${name}\n\n`);
  expect(text.match(/^Copyright \(c\)/gm)).toHaveLength(4);
});

// ---- the catalogue

/** Prose among the strings of a module: two words, or one that begins a sentence. */
function proseIn(source: string, loader: "ts" | "tsx"): string[] {
  const code = new Bun.Transpiler({ loader, tsconfig: { compilerOptions: { jsx: "react-jsx" } } })
    .transformSync(source)
    .replace(/^import\b.*$/gm, "")
    // Names of classes, paths of icons and fonts are no text.
    .replace(/\b(?:class|d|font|viewBox|preserveAspectRatio): (?:"[^"\n]*"|`[^`]*`)/g, "");
  const strings = [...code.matchAll(/"((?:\\.|[^"\\\n])*)"/g)].map(([, text = ""]) => text);
  const templates = [...code.matchAll(/`((?:\\.|[^`\\])*)`/g)].map(([, text = ""]) =>
    text.replace(/\$\{[^}]*\}/g, "0"),
  );
  return [...strings, ...templates].filter((text) =>
    /[A-Za-z]{2,}[,.]? [a-z]+|^[A-Z][a-z]+$|[a-z]{2,}[.!?…]$/.test(text),
  );
}

test("no text stands outside of the catalogue", () => {
  /** Names of the protocol, of the browser, and of parameters. */
  const names = new Set(
    [
      "ApiError",
      "ETag",
      "Content",
      "read only",
      "guest ok",
      "guest account",
      "server string",
      "netbios name",
    ].concat([
      "map to guest",
      "server min protocol",
      "admin users",
      "web admin users",
      "log level",
      "web port",
      "SMB .",
    ]),
  );
  const found = sources
    .filter((name) => name !== "icons.tsx")
    .flatMap((name) =>
      proseIn(sourceOf(name), name.endsWith("x") ? "tsx" : "ts")
        .filter((text) => !names.has(text))
        .map((text) => `${name}: ${text}`),
    );
  expect(found).toEqual([]);
});

test("prose is seen in elements, attributes and templates", () => {
  const source =
    'const a = <p title="Such a thing">Saved.</p>; const b = <b class="big red">{`Now ${a} it is`}</b>; f("get");';
  expect(proseIn(source, "tsx").sort()).toEqual(["Now 0 it is", "Saved.", "Such a thing"]);
});

test("every message of the catalogue is used", async () => {
  const { ENGLISH } = await import("../../../src/manager/web/page/messages.ts");
  const code = sources.map(sourceOf).join("\n");
  /** Keys that the code composes. */
  const composed =
    /^(?:parameter|hint|choice)\.|^access\.(?:none|read|write|admin)$|^log\.level\.|^share\.kind\.|^setup\.(?:code|account|share)(?:\.what)?$|^\w+\.title$/;
  const unused = Object.keys(ENGLISH).filter((key) => !composed.test(key) && !code.includes(`"${key}"`));
  expect(unused).toEqual([]);
});

test("a server that runs from its sources has no page", () => {
  expect(pageFile("/")).toBeUndefined();
  expect(pageFile("/../page-files.ts")).toBeUndefined();
});

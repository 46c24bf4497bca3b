// The page in a visitor's own language.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Browser } from "playwright-core";
import { findProgram } from "../../tools.ts";
import { PHONE, startBrowser, visit, type Visitor } from "./browser.ts";
import { stubData } from "./stub-data.ts";
import { StubServer } from "./stub-server.ts";

const VIEWS = ["overview", "shares", "shares/Music", "users", "disks", "clients", "log", "settings"] as const;

describe.skipIf(findProgram("chromium") === null)("the page", () => {
  let browser: Browser;
  let stub: StubServer;
  beforeAll(async () => {
    browser = await startBrowser();
    stub = await StubServer.start(stubData(""));
    stub.hasSession = true;
  }, 60_000);
  afterAll(async () => {
    await browser.close();
    await stub.stop();
  });

  /** The visitor, and the files of the page that his browser has loaded. */
  async function enter(locale: string): Promise<{ visitor: Visitor; scripts: readonly string[] }> {
    const visitor = await visit(browser, `${stub.url}#/overview`, { locale, size: PHONE });
    await visitor.page.locator("h1").waitFor();
    const scripts = await visitor.page.evaluate(() =>
      (
        globalThis as unknown as { performance: { getEntriesByType(type: string): { name: string }[] } }
      ).performance
        .getEntriesByType("resource")
        .map(({ name }) => name)
        .filter((name) => name.endsWith(".js")),
    );
    return { visitor, scripts };
  }

  /** Those with the translation. Which others are there depends on the moment: the plot is loaded later. */
  async function inGerman(scripts: readonly string[]): Promise<string[]> {
    const found: string[] = [];
    for (const url of scripts) if ((await (await fetch(url)).text()).includes("Freigaben")) found.push(url);
    return found;
  }

  const languageOf = ({ page }: Visitor): Promise<string> => page.evaluate("document.documentElement.lang");

  test("a German visitor reads every view in German, within his phone's width", async () => {
    const { visitor } = await enter("de-DE");
    const { page } = visitor;
    expect([await languageOf(visitor), await page.title()]).toEqual(["de-DE", "Überblick – minismbd"]);
    await page
      .getByText(/ von .* frei /)
      .first()
      .waitFor();
    for (const view of VIEWS) {
      await page.goto(`${stub.url}#/${view}`);
      await page.locator("main h1").waitFor();
      expect([view, await visitor.isTooWide()]).toEqual([view, false]);
      expect([view, await visitor.accessFaults()]).toEqual([view, []]);
    }
    await page
      .getByRole("button", { name: /abmelden/i })
      .first()
      .waitFor();
    expect(visitor.faults).toEqual([]);
    await visitor.context.close();
  }, 120_000);

  test("who wants a language that the page does not have gets English, and loads no translation", async () => {
    const german = await enter("de-DE");
    const { scripts, visitor } = await enter("fr-FR");
    expect([await languageOf(visitor), await visitor.page.title()]).toEqual(["en", "Overview – minismbd"]);
    expect(await inGerman(german.scripts)).toHaveLength(1);
    expect(await inGerman(scripts)).toEqual([]);
    await visitor.context.close();
    await german.visitor.context.close();
  }, 120_000);
});

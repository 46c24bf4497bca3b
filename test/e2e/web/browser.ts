// Debian's Chromium, driven by Playwright: one browser for a file of tests, a context of its own for each visitor.
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { readFileSync } from "node:fs";
import { findProgram } from "../../tools.ts";

export const PHONE = { width: 360, height: 740 } as const;
export const DESKTOP = { width: 1180, height: 820 } as const;

/** A busy machine may be slow. */
const TIMEOUT_MS = 25_000;

export interface VisitOptions {
  readonly size?: { readonly width: number; readonly height: number };
  readonly theme?: "light" | "dark";
  readonly locale?: string;
}

export class Visitor {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Errors that the page reported, violations of its Content-Security-Policy among them. */
  readonly faults: readonly string[];

  constructor(context: BrowserContext, page: Page, faults: readonly string[]) {
    this.context = context;
    this.page = page;
    this.faults = faults;
  }

  /** Serious faults that axe-core finds in the page as it is now, by all its rules or by these. */
  async accessFaults(rules: readonly string[] = []): Promise<string[]> {
    // By the debugger: the page's own policy forbids scripts from elsewhere.
    if (await this.page.evaluate("window.axe === undefined")) await this.page.evaluate(axeSource());
    const found = await this.page.evaluate(async (only) => {
      const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<AxeResult> } };
      return (await axe.run(only.length === 0 ? {} : { runOnly: only })).violations.map(
        ({ id, impact, nodes }) => ({
          id,
          impact,
          where: nodes.map(({ html }) => html.slice(0, 150)),
        }),
      );
    }, rules);
    return found
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, where }) => `${id}: ${where.join(" | ")}`);
  }

  /** The page is wider than its window, so that it must be scrolled sideways. */
  async isTooWide(): Promise<boolean> {
    return this.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth");
  }
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

let axeText: string | undefined;

function axeSource(): string {
  axeText ??= readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
  return axeText;
}

export function startBrowser(): Promise<Browser> {
  const executablePath = findProgram("chromium") ?? "chromium";
  // Chromium refuses its sandbox to root, and /dev/shm is small in containers.
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}

export async function visit(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visitor> {
  const { size = DESKTOP, theme = "light", locale = "en-GB" } = options;
  const context = await browser.newContext({
    ...{ viewport: size, colorScheme: theme, locale, timezoneId: "UTC", ignoreHTTPSErrors: true },
    reducedMotion: "reduce",
  });
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    // The browser's own words for an answer such as 401, which the page shows itself.
    const isAnswer = /^Failed to load resource/.test(message.text());
    if (message.type() === "error" && !isAnswer) faults.push(message.text());
  });
  await until(() => isServed(url));
  await page.goto(url);
  return new Visitor(context, page, faults);
}

/** The server opens the page's port a moment after that of SMB. */
function isServed(url: string): Promise<boolean> {
  return fetch(url, { tls: { rejectUnauthorized: false } }).then(
    () => true,
    () => false,
  );
}

/** Throws after a while. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + TIMEOUT_MS;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${condition}`);
    await Bun.sleep(30);
  }
}

export async function logOn({ page }: Visitor, user = "anna", password = "correct horse"): Promise<void> {
  await page.getByLabel("User name").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log on" }).click();
  await page.getByRole("navigation", { name: "Views" }).waitFor();
}

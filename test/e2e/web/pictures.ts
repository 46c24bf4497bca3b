// npm run web-pictures: takes the pictures of the web page that the README shows, by Debian's Chromium.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { DESKTOP, logOn, PHONE, startBrowser, visit } from "./browser.ts";
import { stubData } from "./stub-data.ts";
import { StubServer } from "./stub-server.ts";

const PICTURES = join(import.meta.dir, "../../../docs/web-page");
const SIZES = { desktop: DESKTOP, phone: PHONE } as const;
const VIEWS = [
  "overview",
  "shares",
  "shares/Photos",
  "users",
  "disks",
  "clients",
  "log",
  "settings",
] as const;
/** Percent, of WebP. */
const QUALITY = 60;
/** Events, two seconds apart, that the plot shows. */
const TICKS = 60;
const START_MS = 1_795_942_800_000;

async function take(page: Page, name: string): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const { data } = await devtools.send("Page.captureScreenshot", { format: "webp", quality: QUALITY });
  writeFileSync(join(PICTURES, `${name}.webp`), Buffer.from(data, "base64"));
}

mkdirSync(PICTURES, { recursive: true });
const browser = await startBrowser();
for (const theme of ["light", "dark"] as const)
  for (const [device, size] of Object.entries(SIZES)) {
    const stub = await StubServer.start(stubData(""), false);
    const visitor = await visit(browser, stub.url, { size, theme });
    const { page } = visitor;
    await page.getByRole("button", { name: "Log on" }).waitFor();
    await take(page, `log-on-${device}-${theme}`);
    await logOn(visitor);
    await page.locator(".plot canvas").waitFor();
    for (let i = 0; i < TICKS; i++) {
      await page.clock.setFixedTime(START_MS + i * 2000);
      stub.tick();
      await Bun.sleep(20);
    }
    for (const view of VIEWS) {
      await page.goto(`${stub.url}#/${view}`);
      await page
        .locator(view === "overview" ? ".space .bar" : "main .card, .log li")
        .first()
        .waitFor();
      await Bun.sleep(400);
      await take(page, `${view.replace("shares/Photos", "share")}-${device}-${theme}`);
    }
    await page.goto(`${stub.url}#/users`);
    await page.getByRole("button", { name: "Connect a phone of anna" }).click();
    await page.locator(".qr").waitFor();
    await take(page, `phone-link-${device}-${theme}`);
    await visitor.context.close();
    await stub.stop();
  }
await browser.close();
process.stdout.write(`pictures in ${PICTURES}\n`);

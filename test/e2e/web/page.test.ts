// The web page in a browser, with a server that has what a real one has only on a bad day: hostile names, two people who
// edit, disks that vanish, a restart.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Browser, Page } from "playwright-core";
import { findProgram } from "../../tools.ts";
import { DESKTOP, logOn, PHONE, startBrowser, until, visit, type Visitor } from "./browser.ts";
import { HOSTILE, stubData } from "./stub-data.ts";
import { StubServer } from "./stub-server.ts";

const VIEWS = ["overview", "shares", "shares/Music", "users", "disks", "clients", "log", "settings"] as const;

describe.skipIf(findProgram("chromium") === null)("the page", () => {
  let browser: Browser;
  let stub: StubServer;
  let visitor: Visitor;
  let page: Page;

  beforeAll(async () => {
    browser = await startBrowser();
  }, 60_000);

  afterAll(() => browser.close());

  beforeEach(async () => {
    stub = await StubServer.start(stubData(""));
  });

  afterEach(async () => {
    const faults = visitor.faults;
    await visitor.context.close();
    await stub.stop();
    expect(faults).toEqual([]);
  });

  async function enter(view: string = "overview", size = DESKTOP as { width: number; height: number }) {
    stub.hasSession = true;
    visitor = await visit(browser, `${stub.url}#/${view}`, { size });
    page = visitor.page;
    await page.locator("h1").waitFor();
  }

  const status = () => page.getByRole("status").filter({ hasText: /./ }).first();
  const button = (name: string) => page.getByRole("button", { name, exact: true });
  const dialog = () => page.getByRole("dialog");

  test("a wrong password is told, and the right one shows the overview", async () => {
    visitor = await visit(browser, stub.url);
    page = visitor.page;
    await page.getByLabel("User name").fill("anna");
    await page.getByLabel("Password").fill("wrong");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "user or password is wrong" }).waitFor();
    expect(await visitor.accessFaults()).toEqual([]);
    await page.emulateMedia({ colorScheme: "dark" });
    expect(await visitor.accessFaults(["color-contrast"])).toEqual([]);
    await logOn(visitor);
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    expect(await page.title()).toBe("Overview – minismbd");
    await page.getByText("50 MB").or(page.getByText("MB/s to devices")).first().waitFor();
    await button("Log off anna").click();
    await page.getByRole("heading", { name: "Log on" }).waitFor();
  });

  test("axe-core finds no serious fault in any view, light and dark, and nothing is wider than a phone", async () => {
    await enter("overview", PHONE);
    for (const view of VIEWS) {
      await page.goto(`${stub.url}#/${view}`);
      await page.locator("main .card, main .log li").first().waitFor();
      expect([view, await visitor.isTooWide()]).toEqual([view, false]);
      await page.emulateMedia({ colorScheme: "light" });
      expect([view, await visitor.accessFaults()]).toEqual([view, []]);
      await page.emulateMedia({ colorScheme: "dark" });
      expect([view, await visitor.accessFaults(["color-contrast"])]).toEqual([view, []]);
    }
    for (const [view, opener] of [
      ["shares", "Make a share"],
      ["users", "Connect a phone of anna"],
      ["disks", "Eject the disk STICK"],
    ] as const) {
      await page.goto(`${stub.url}#/${view}`);
      await button(opener).click();
      await dialog().waitFor();
      expect([opener, await visitor.isTooWide()]).toEqual([opener, false]);
      expect([opener, await visitor.accessFaults()]).toEqual([opener, []]);
      await page.keyboard.press("Escape");
    }
  }, 60_000);

  test("names of users, shares, files, disks and hosts are shown as text", async () => {
    await stub.stop();
    stub = await StubServer.start(stubData(HOSTILE));
    await enter();
    const shown = {
      overview: [`Photos 2024${HOSTILE}`, `ATTIC${HOSTILE}`],
      shares: [`Photos${HOSTILE}`, `Everybody's pictures${HOSTILE}`],
      users: [`anna${HOSTILE}`],
      disks: [`Photos 2024${HOSTILE}`, `/mnt/disk${HOSTILE}`],
      clients: [`anna${HOSTILE}`],
      log: [`'eve${HOSTILE}'`],
      settings: ["Name in the network"],
    };
    for (const [view, texts] of Object.entries(shown)) {
      await page.goto(`${stub.url}#/${view}`);
      for (const text of texts)
        await until(async () => (await page.locator("body").textContent())?.includes(text) === true);
      const made = await page.evaluate(
        "[window.hacked, document.querySelector('img, b, script:not([src])')]",
      );
      expect([view, made]).toEqual([view, [undefined, null]]);
      expect([view, await visitor.isTooWide()]).toEqual([view, false]);
    }
    await page.goto(`${stub.url}#/clients`);
    await page.getByText("2 open files").click();
    await page.getByText(`Photos${HOSTILE}/2024/summer/IMG_4711${HOSTILE}.jpg`).waitFor();
    await page.goto(`${stub.url}#/users`);
    await button(`Remove the user anna${HOSTILE}?`).click();
    await dialog()
      .getByRole("heading", { name: `Remove the user anna${HOSTILE}?` })
      .waitFor();
    await dialog().getByRole("button", { name: "Remove", exact: true }).click();
    await status()
      .filter({ hasText: `anna${HOSTILE} is removed` })
      .waitFor();
    expect(stub.calls.map(({ what }) => what)).toEqual([`DELETE users/anna${HOSTILE}`]);
    await page.goto(`${stub.url}#/shares`);
    await page.getByRole("link", { name: `Photos${HOSTILE}` }).click();
    await page.getByRole("heading", { level: 1, name: `Photos${HOSTILE}` }).waitFor();
  }, 60_000);

  test("the keyboard alone opens a share, changes it and makes another", async () => {
    await enter();
    // After navigation the heading has the focus, behind the link that skips the ways to the views.
    await tabTo("Skip to the content", "Shift+Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await tabTo("Shares", "Shift+Tab");
    await page.keyboard.press("Enter");
    await page.locator("h1:focus", { hasText: "Shares" }).waitFor();
    await tabTo("Photos");
    await page.keyboard.press("Enter");
    await page.locator("h1:focus", { hasText: "Photos" }).waitFor();
    expect(await page.title()).toStartWith("Photos");
    await tabTo("comment");
    await page.keyboard.press("End");
    await page.keyboard.type(" too");
    await tabTo("Save");
    await page.keyboard.press("Enter");
    await status().filter({ hasText: "The share Photos is saved" }).waitFor();
    expect(stub.calls.at(-1)).toEqual({
      what: "PUT shares/Photos",
      body: { parameters: { comment: "Everybody's pictures too" } },
    });
    await tabTo("All shares", "Shift+Tab");
    await page.keyboard.press("Enter");
    await tabTo("Make a share");
    await page.keyboard.press("Enter");
    await dialog().waitFor();
    await page.keyboard.press("Escape");
    await page.locator("button:focus", { hasText: "Make a share" }).waitFor();
    await page.keyboard.press("Enter");
    await page.locator("dialog input:focus").waitFor();
    await page.keyboard.type("Music 2");
    await page.keyboard.press("Tab");
    await page.keyboard.type("/srv/none");
    await dialog().getByRole("alert").filter({ hasText: "/srv/none does not exist" }).waitFor();
    await page.keyboard.press("Control+A");
    await page.keyboard.type("/mnt/disk");
    await dialog().getByText("The folder is there, on ext4; it belongs to anna.").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/#\/shares\/Music%202$/);
    expect(stub.calls.at(-1)?.what).toBe("POST shares");
  }, 60_000);

  /** Presses Tab until the element with that text or name has the focus, which shows. */
  async function tabTo(name: string, key = "Tab"): Promise<void> {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press(key);
      const [text, outline] = (await page.evaluate(`(() => {
        const one = document.activeElement;
        const label = one.labels?.[0]?.querySelector("code") ?? one.labels?.[0];
        const style = getComputedStyle(one);
        const after = getComputedStyle(one, "::after");
        return [(label ?? one).textContent.trim(), style.outlineStyle + after.outlineStyle];
      })()`)) as [string, string];
      if (text !== name) continue;
      expect(outline).toContain("solid");
      return;
    }
    throw new Error(`no way to ${name} by keyboard`);
  }

  test("what another person changes meanwhile is shown, and nothing is overwritten", async () => {
    await enter("shares/Photos");
    const comment = page.getByLabel("Description");
    await comment.fill("Mine");
    const other = stub.data.shares[0]?.parameters.find(({ name }) => name === "comment");
    if (other) other.value = "Theirs";
    stub.touch();
    const conflict = page.getByRole("alert").filter({ hasText: "changed elsewhere meanwhile" });
    await conflict.getByText("was “Everybody's pictures”, is “Theirs” now. You want “Mine”.").waitFor();
    expect(await button("Save").isDisabled()).toBe(true);
    expect(await visitor.accessFaults()).toEqual([]);
    await button("Keep my changes and go on").click();
    await button("Save").click();
    await status().filter({ hasText: "is saved" }).waitFor();
    // Without an event: the server's refusal brings the same words.
    await comment.fill("Mine again");
    if (other) other.value = "Theirs again";
    stub.touchQuietly();
    await button("Save").click();
    await conflict.getByText("is “Theirs again” now").waitFor();
    expect(other?.value).toBe("Theirs again");
    await button("Drop my changes").click();
    await until(async () => (await comment.inputValue()) === "Theirs again");
    expect(stub.calls.map(({ what }) => what)).toEqual(["PUT shares/Photos"]);
  }, 60_000);

  test("the matrix of a share says who may do what, and keeps choices over a change by another", async () => {
    await enter("shares/Photos");
    await page.getByRole("radio", { name: "ben: Change" }).check();
    stub.touchQuietly();
    await button("Save who may do what").click();
    await page.getByRole("alert").filter({ hasText: "nothing was saved" }).waitFor();
    await button("Save who may do what").click();
    await status().filter({ hasText: "Who may use Photos is saved" }).waitFor();
    expect(stub.calls).toEqual([{ what: "PUT shares/Photos/access", body: { ben: "write" } }]);
  });

  test("a disk that vanishes while it is shown is told; one that was ejected is safe to remove", async () => {
    await enter("disks");
    await button("Eject the disk STICK").click();
    await dialog().getByRole("button", { name: "Eject", exact: true }).click();
    await status().filter({ hasText: "It is safe to remove STICK now." }).waitFor();
    expect(await page.getByRole("heading", { name: "STICK" }).count()).toBe(0);
    expect(stub.calls).toEqual([{ what: "POST eject", body: { mountPoint: "/mnt/stick" } }]);
    stub.data.disks = stub.data.disks.slice(1);
    stub.touch("disks");
    await status().filter({ hasText: "The disk Photos 2024 is gone." }).waitFor();
  });

  test("a page that is open over a restart goes on; a new version and an ended session are told", async () => {
    await enter("shares");
    await stub.stop();
    await status().filter({ hasText: "The connection to the server is lost." }).waitFor();
    await button("Try now").click();
    stub.data.shares.pop();
    stub.version = "1.1";
    stub.listen();
    await status().filter({ hasText: "The server was updated." }).waitFor();
    await page.getByRole("link", { name: "Music" }).waitFor({ state: "detached" });
    await stub.stop();
    stub.hasSession = false;
    stub.listen();
    await page.getByText("You were logged off, because").waitFor();
    await logOn(visitor);
    await page.getByRole("heading", { level: 1, name: "Shares" }).waitFor();
  }, 60_000);

  test("lines of the log appear as they are written, and are filtered", async () => {
    await enter("log");
    await page.getByText("minismbd listens on port 445").waitFor();
    stub.send("log", { time: Date.now(), level: "warn", text: "a new line" });
    await page.getByText("a new line").waitFor();
    await page.getByLabel("Show").selectOption("error");
    await page.getByText("a new line").waitFor({ state: "detached" });
    expect(await page.locator(".log li").count()).toBe(1);
    await page.getByLabel("Only lines with").fill("nothing has this");
    await page.getByText("No line matches.").waitFor();
  });

  test("the first run asks for the code of the board, an account and a folder", async () => {
    stub.firstRun = true;
    visitor = await visit(browser, stub.url, { size: PHONE });
    page = visitor.page;
    await page.getByLabel("First password").fill("1234");
    expect(await visitor.accessFaults()).toEqual([]);
    await button("Next").click();
    await page.getByLabel("User name").fill("anna");
    await page.getByLabel("Password").fill("correct horse");
    await button("Next").click();
    await page.getByLabel("Folder on the server").fill("/mnt/disk");
    expect(await visitor.isTooWide()).toBe(false);
    await button("Finish").click();
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    const share = { name: "Files", path: "/mnt/disk" };
    expect(stub.calls).toEqual([
      { what: "POST setup", body: { code: "1234", user: "anna", password: "correct horse", share } },
    ]);
  });
});

// The executable's own web page in a browser: what it changes is seen by smbclient, and what clients do by it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { findFreePort, giveToTester, TESTER, TESTER2, type TestServer } from "../../peer/test-server.ts";
import { findProgram } from "../../tools.ts";
import { run, startServer as startPlain } from "../../cli/executable.ts";
import { accessOf } from "../client/config-rig.ts";
import { connectionWords, demandSmbclient, hasSmbclient, runSmbclient } from "../client/smbclient.ts";
import { startServer } from "../client/server.ts";
import { canPlugDisks, VolumesRig } from "../client/volumes-rig.ts";
import { logOn, PHONE, startBrowser, until, visit, type Visitor } from "./browser.ts";

const ANNA = { user: "minismbd-anna", password: "Rainy-Window-3" };
const HOSTILE = "<img src=x onerror=window.hacked=1>";

describe.skipIf(findProgram("chromium") === null || !hasSmbclient())("the executable's page", () => {
  let browser: Browser;
  let rig: VolumesRig | undefined;
  let server: TestServer;
  let visitor: Visitor;
  let page: Page;
  let url: string;

  beforeAll(async () => {
    const webPort = await findFreePort();
    url = `https://127.0.0.1:${webPort}/`;
    const options = {
      shares: [{ name: "test" }],
      parameters: {
        "web port": String(webPort),
        "admin users": TESTER.user,
        "log level": "info",
        "server string": "Attic",
      },
    };
    if (canPlugDisks) {
      rig = await VolumesRig.start({}, options);
      server = rig.server;
    } else server = await startServer(options);
    browser = await startBrowser();
    visitor = await visit(browser, url);
    page = visitor.page;
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await (rig ?? server)?.stop();
  });

  const button = (name: string) => page.getByRole("button", { name, exact: true });
  const dialog = () => page.getByRole("dialog");
  const told = (text: string) => page.getByRole("status").filter({ hasText: text }).waitFor();
  const open = async (view: string) => {
    await page.goto(`${url}#/${view}`);
    await page.locator("h1").waitFor();
  };

  test("who is no administrator is refused, and an administrator sees the server", async () => {
    await page.getByLabel("User name").fill(TESTER2.user);
    await page.getByLabel("Password").fill(TESTER2.password);
    await button("Log on").click();
    await page.getByRole("alert").filter({ hasText: "administrator" }).waitFor();
    await logOn(visitor, TESTER.user, TESTER.password);
    await page.getByText("\\\\MINISMBD").waitFor();
    await page.locator(".plot canvas").waitFor();
    expect(await visitor.accessFaults()).toEqual([]);
  });

  test("a share that is made on the page is used by smbclient", async () => {
    const path = join(server.directory, "music");
    mkdirSync(path);
    giveToTester(path);
    await open("shares");
    await button("Make a share").click();
    await page.getByLabel("Name", { exact: true }).fill("Music");
    await page.getByLabel("Folder on the server").fill(`${path}-none`);
    await dialog().getByRole("alert").waitFor();
    await page.getByLabel("Folder on the server").fill(path);
    await dialog().getByText("The folder is there").waitFor();
    await dialog().getByRole("button", { name: "Make a share" }).click();
    await told("The share Music is ready.");
    await page.getByRole("heading", { level: 1, name: "Music" }).waitFor();
    const listing = await demandSmbclient(server, ["mkdir new", "ls"], { share: "Music" });
    expect(listing).toContain("new");
    expect(readFileSync(join(server.directory, "minismbd.conf"), "utf8")).toContain(`[Music]\n`);
    await page.getByLabel("Description").fill("For everybody");
    await page.getByRole("combobox", { name: "Read only" }).selectOption("yes");
    await button("Save").click();
    await told("The share Music is saved");
    const { output } = await runSmbclient(server, ["mkdir other"], { share: "Music" });
    expect(output).toContain("NT_STATUS_");
    await page
      .getByText(/minismbd\.conf, line \d+/)
      .first()
      .waitFor();
  });

  test("a user who is added on the page logs on over SMB, with the rights that the page gives", async () => {
    await open("users");
    await button("Add a user").click();
    await dialog().getByLabel("User name").fill(ANNA.user);
    await dialog().getByLabel("Password", { exact: true }).fill(ANNA.password);
    await dialog().getByRole("button", { name: "Add a user" }).click();
    await told(`The user ${ANNA.user} is added.`);
    await demandSmbclient(server, ["ls"], { user: ANNA });
    await open("shares/test");
    await page.getByRole("radio", { name: `${ANNA.user}: Nothing` }).check();
    await button("Save who may do what").click();
    await told("Who may use test is saved");
    const { output } = await runSmbclient(server, ["ls"], { user: ANNA });
    expect(output).toContain("NT_STATUS_ACCESS_DENIED");
    await demandSmbclient(server, ["ls"], { user: TESTER });
  });

  test("the log shows at once what clients do, names that are HTML as text", async () => {
    await open("log");
    await page.locator(".log").waitFor();
    await runSmbclient(server, ["ls"], { user: { user: HOSTILE, password: "none" } });
    await page.locator(".log li", { hasText: HOSTILE }).first().waitFor();
    expect(await page.evaluate("[window.hacked, document.querySelector('img')]")).toEqual([undefined, null]);
  });

  test("what is changed on disk meanwhile is shown, and not overwritten", async () => {
    const file = join(server.directory, "minismbd.conf");
    await open("shares/Music");
    await page.getByLabel("Description").fill("Mine");
    const other = readFileSync(file, "utf8").replace("comment = For everybody", "comment = Theirs # by hand");
    writeFileSync(file, other);
    await button("Save").click();
    await page.getByText("was “For everybody”, is “Theirs” now. You want “Mine”.").waitFor();
    expect(readFileSync(file, "utf8")).toBe(other);
    await button("Keep my changes and go on").click();
    await button("Save").click();
    await told("The share Music is saved");
    expect(readFileSync(file, "utf8")).toContain("comment = Mine");
  });

  test("a setting is changed in its line, and back to the default", async () => {
    const file = join(server.directory, "minismbd.conf");
    const before = readFileSync(file, "utf8");
    const line = before.split("\n").findIndex((text) => text.includes("server string")) + 1;
    await open("settings");
    await page.getByText(`minismbd.conf, line ${line}`, { exact: false }).waitFor();
    await page.getByRole("textbox", { name: "Description of the server" }).fill("The disk below the roof");
    await button("Save").click();
    await told("The settings are saved.");
    expect(readFileSync(file, "utf8")).toBe(before.replace("Attic", "The disk below the roof"));
    await button("Use the default for server string").click();
    await button("Save").click();
    await until(async () => !readFileSync(file, "utf8").includes("server string"));
  });

  test("a token that is made on the page opens the API to another program, until it is removed", async () => {
    const status = async (token: string): Promise<number> => {
      const headers = { Authorization: `Bearer ${token}` };
      const how = { headers, tls: { rejectUnauthorized: false } };
      return (await fetch(`${url}api/v1/status`, how)).status;
    };
    await open("settings");
    const licences = await page.getByRole("link", { name: /^Licences/ }).getAttribute("href");
    expect((await page.request.get(url + licences)).status()).toBe(200);
    await button("Make a token").click();
    await dialog().getByLabel("What it is for").fill("Home Assistant");
    await dialog().getByRole("button", { name: "Make a token" }).click();
    await dialog().getByText("Copy it now").waitFor();
    const token = (await dialog().locator("code").textContent()) ?? "";
    expect([await status(token), await status(`${token}x`)]).toEqual([200, 401]);
    await dialog().getByRole("button", { name: "Close" }).click();
    await button("Remove the token Home Assistant?").click();
    await dialog().getByRole("button", { name: "Remove" }).click();
    await told("The token Home Assistant is removed.");
    expect(await status(token)).toBe(401);
  });

  test("a client that is disconnected on the page sees it", async () => {
    await open("clients");
    const words = ["smbclient", `//${server.host}/test`, ...connectionWords(server, { user: TESTER2 })];
    const client = Bun.spawn(words, { stdin: "pipe", stdout: "pipe", stderr: "ignore" });
    const kick = `Disconnect ${TESTER2.user} at 127.0.0.1`;
    await button(kick).click();
    await dialog().getByText("The device is logged off now.").waitFor();
    await dialog().getByRole("button", { name: "Disconnect" }).click();
    await told(`${TESTER2.user} is disconnected.`);
    await page.getByRole("button", { name: kick }).waitFor({ state: "detached" });
    client.stdin.write("ls\n");
    client.stdin.end();
    expect(await new Response(client.stdout).text()).toContain("NT_STATUS_");
    await client.exited;
  });

  test.skipIf(!canPlugDisks)("a disk is ejected, and safe to remove", async () => {
    if (rig === undefined) return;
    const disk = rig.make("photos");
    rig.plug(disk);
    await rig.awaitShare("photos");
    await open("shares/photos");
    await page.getByText("This is a plugged-in disk.").waitFor();
    expect(await page.getByRole("radio", { disabled: false }).count()).toBe(0);
    await page.getByRole("link", { name: "the rule" }).click();
    await page.getByRole("radio", { disabled: false }).first().waitFor();
    await open("disks");
    await page.getByRole("heading", { name: "photos" }).waitFor();
    await button("Eject the disk photos").click();
    await dialog().getByRole("button", { name: "Eject", exact: true }).click();
    await told("It is safe to remove photos now.");
    expect(rig.inside(["cat", "/proc/mounts"])).not.toContain(disk.path);
    await page.getByRole("heading", { name: "photos" }).waitFor({ state: "detached" });
  });

  test.skipIf(!canPlugDisks)("a disk that is pulled while the page shows it is told", async () => {
    if (rig === undefined) return;
    const disk = rig.make("films", { label: "<img src=x>" });
    rig.plug(disk);
    await open("disks");
    await page.getByRole("heading", { name: "<img src=x>" }).waitFor();
    rig.pull(disk);
    await told("The disk <img src=x> is gone.");
    expect(await page.evaluate("document.querySelector('img')")).toBeNull();
  });

  test("the first run makes the administrator and a share; over a restart the page asks to log on again", async () => {
    const board = mkdtempSync(join(tmpdir(), "minismbd-page-"));
    const at = (name: string): string => join(board, name);
    const webPort = await findFreePort();
    mkdirSync(at("files"));
    giveToTester(at("files"));
    writeFileSync(at("ksmbd.conf"), `[global]\n\tweb port = ${webPort}\n`);
    const files = ["-P", at("ksmbdpwd.db"), "-C", at("ksmbd.conf")];
    const code = /Password: (\S+)/.exec(run(["setup", ...files, "--notice", at("minismbd.txt")]).out)?.[1];
    const words = ["serve", ...files, "--port", "0", "--control", at("socket")];
    let first = await startPlain(words);
    const newcomer = await visit(browser, `http://127.0.0.1:${webPort}/`, { size: PHONE });
    try {
      const own = newcomer.page;
      const next = () => own.getByRole("button", { name: /^(?:Next|Finish)$/ }).click();
      await own.getByLabel("First password").fill("guessed");
      await next();
      await own.getByLabel("User name").fill(ANNA.user);
      await own.getByLabel("Password").fill(ANNA.password);
      await next();
      await own.getByLabel("Name", { exact: true }).fill("Files");
      await own.getByLabel("Folder on the server").fill(at("files"));
      await next();
      await own.getByRole("alert").filter({ hasText: "not the password that the machine shows" }).waitFor();
      await own.getByLabel("First password").fill(code ?? "");
      for (let i = 0; i < 3; i++) await next();
      await own.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
      const place = { ...first, host: "127.0.0.1" };
      expect(await accessOf(place, ANNA, "Files")).toBe("write");
      await first.stop();
      await own.getByText("The connection to the server is lost.").waitFor();
      first = await startPlain(words);
      await own.getByText("You were logged off").waitFor();
      await logOn(newcomer, ANNA.user, ANNA.password);
      await own.getByRole("heading", { level: 1, name: "Overview" }).waitFor();
      expect(newcomer.faults.filter((fault) => !/ERR_CONNECTION|ERR_INCOMPLETE|net::/.test(fault))).toEqual(
        [],
      );
    } finally {
      await newcomer.context.close();
      await first.stop();
      rmSync(board, { recursive: true, force: true });
    }
  }, 60_000);

  test("the page asked for nothing that its policy forbids, and reported no error", () => {
    expect(visitor.faults).toEqual([]);
  });
});

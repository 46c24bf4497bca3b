// npm run luci -- LUCI: drives the pages of luci-app-minismbd in Chromium, with LuCI's own files from LUCI, a checkout of
// github.com/openwrt/luci, and ubus stubbed; then takes the pictures of board/openwrt/pictures.
import { strict as assert } from "node:assert";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Browser } from "./browser.ts";
import { APP, READ_ONLY, servePages } from "./page-server.ts";
import { type Call, HOSTILE, PLAIN, StubUbus } from "./stub-ubus.ts";

const PICTURES = join(import.meta.dir, "../../../board/openwrt/pictures");
const ACL = join(APP, "root/usr/share/rpcd/acl.d/luci-app-minismbd.json");
const PAGES = ["shares", "users", "disks", "clients", "log"] as const;
const EVE = `eve${HOSTILE}`;

interface Stage {
  readonly browser: Browser;
  readonly ubus: StubUbus;
  readonly open: (page: (typeof PAGES)[number], search?: string) => Promise<void>;
}

type Scene = (stage: Stage) => Promise<void>;

const SCENES: Readonly<Record<string, Scene>> = {
  "each page shows hostile names as text": async ({ browser, open }) => {
    const shown = { shares: `Films${HOSTILE}`, users: EVE, disks: `/mnt/usb${HOSTILE}`, clients: EVE };
    for (const page of PAGES) {
      await open(page);
      const text = await browser.textOf("#view");
      if (page !== "log") assert.ok(text.includes(shown[page]), `${page} lacks ${shown[page]}: ${text}`);
    }
    await browser.until(`document.querySelector('#minismbd-log').value.includes(${JSON.stringify(HOSTILE)})`);
    const log = await browser.evaluate<string>("document.querySelector('#minismbd-log').value");
    assert.ok(!log.includes("dnsmasq"), "other programs' lines are left out");
  },

  "a share is added, with a name that is checked": async ({ browser, ubus, open }) => {
    await open("shares");
    await browser.press("Add share");
    await browser.type(".modal [data-name=name] input", "a/b");
    await browser.type(".modal [data-name=path] input", "/mnt/sda1/music");
    for (const option of ["users", "write_list", "create_mask", "param"])
      await browser.until(`document.querySelector('.modal [data-name=${option}]')`);
    await browser.press("Save", ".modal");
    await browser.until("document.querySelector('.modal .cbi-input-invalid')");
    assert.equal(callsOf(ubus, "uci", "set").length, 0);
    await browser.clear(".modal [data-name=name] input");
    await browser.type(".modal [data-name=name] input", "Music");
    await browser.press("Save", ".modal");
    await browser.until("!document.body.classList.contains('modal-overlay-active')");
    await browser.press("Save", ".cbi-page-actions");
    await waitFor(() => callsOf(ubus, "uci", "set").length > 0);
    assert.equal(callsOf(ubus, "uci", "add")[0]?.fields["type"], "share");
    const values = callsOf(ubus, "uci", "set").map(({ fields }) => fields["values"]);
    const whole = Object.assign(
      {},
      ...callsOf(ubus, "uci", "add").map(({ fields }) => fields["values"]),
      ...values,
    );
    const expected = { name: "Music", path: "/mnt/sda1/music", read_only: "yes", guest_ok: "no" };
    assert.deepEqual({ ...whole, ...expected }, whole);
  },

  "a share's name is text in its form": async ({ browser, open }) => {
    await open("shares");
    await browser.press("Edit", "#cbi-ksmbd-share", 1);
    await browser.until("document.querySelector('.modal [data-name=name] input')");
    const name = await browser.evaluate("document.querySelector('.modal [data-name=name] input').value");
    assert.equal(name, `Films${HOSTILE}`);
    // The names of users are choices there.
    assert.ok((await browser.evaluate<string>("document.querySelector('.modal').textContent")).includes(EVE));
    await checkPage(browser);
    await browser.press("Dismiss", ".modal");
  },

  "a user is added, with a password that is typed twice": async ({ browser, ubus, open }) => {
    await open("users");
    await browser.press("Add user");
    await browser.type("#minismbd-user", "rosa");
    await browser.type("#minismbd-password", "hunter2");
    await browser.type("#minismbd-password-again", "hunter3");
    await browser.press("Add user", ".modal");
    await browser.until("document.body.innerText.includes('The passwords differ.')");
    assert.equal(callsOf(ubus, "minismbd", "adduser").length, 0);
    await browser.press("Add user");
    await browser.type("#minismbd-user", "rosa");
    await browser.type("#minismbd-password", "hunter2");
    await browser.type("#minismbd-password-again", "hunter2");
    await browser.press("Add user", ".modal");
    await browser.until("document.querySelector('#minismbd-users').innerText.includes('rosa')");
    const [added] = callsOf(ubus, "minismbd", "adduser");
    assert.deepEqual(added?.fields, { user: "rosa", password: "hunter2" });
    const document = await browser.evaluate<string>("document.documentElement.outerHTML");
    assert.ok(!document.includes("hunter2"), "the password stays nowhere");
  },

  "a password is changed and a user deleted": async ({ browser, ubus, open }) => {
    await open("users");
    await browser.press("Change password", "#minismbd-users", 1);
    await browser.type("#minismbd-password", "battery");
    await browser.type("#minismbd-password-again", "battery");
    await browser.press("Change password", ".modal");
    await waitFor(() => callsOf(ubus, "minismbd", "passwd").length > 0);
    assert.deepEqual(callsOf(ubus, "minismbd", "passwd")[0]?.fields, { user: EVE, password: "battery" });
    await browser.until("!document.body.classList.contains('modal-overlay-active')");
    await browser.press("Delete user", "#minismbd-users", 1);
    assert.ok((await browser.textOf(".modal")).includes(EVE));
    await browser.press("Delete user", ".modal");
    await browser.until("!document.querySelector('#minismbd-users').innerText.includes('eve')");
    assert.deepEqual(callsOf(ubus, "minismbd", "deluser")[0]?.fields, { user: EVE });
  },

  "a client is disconnected, but not by Cancel": async ({ browser, ubus, open }) => {
    await open("clients");
    await browser.press("Disconnect", "#minismbd-clients", 1);
    assert.ok((await browser.textOf(".modal")).includes(EVE));
    await browser.press("Cancel", ".modal");
    assert.equal(callsOf(ubus, "minismbd", "kick").length, 0);
    await browser.press("Disconnect", "#minismbd-clients", 1);
    await browser.press("Disconnect", ".modal");
    await waitFor(() => callsOf(ubus, "minismbd", "kick").length > 0);
    assert.deepEqual(callsOf(ubus, "minismbd", "kick")[0]?.fields, { session: 7 });
  },

  "a disk is ejected and unmounted": async ({ browser, ubus, open }) => {
    await open("disks");
    await browser.press("Eject", "#minismbd-disks", 0);
    await browser.press("Eject", ".modal");
    await browser.until("document.body.innerText.includes('/mnt/sda1 can be unplugged now; 2 open files')");
    assert.deepEqual(
      callsOf(ubus, "minismbd", "eject").map(({ fields }) => fields["path"]),
      ["/mnt/sda1"],
    );
    await browser.until("!document.querySelector('#minismbd-disks').innerText.includes('/dev/sda1')");
  },

  "a disk that is plugged in is shared": async ({ browser, ubus, open }) => {
    await open("disks");
    await browser.press("Share", "#minismbd-disks");
    await browser.press("Share", ".modal");
    await browser.until("document.querySelector('#cbi-ksmbd-share')");
    const values = callsOf(ubus, "uci", "add").map(({ fields }) => fields["values"]);
    assert.deepEqual(values, [{ name: "sdc1", path: "/mnt/sdc1", read_only: "no" }]);
  },

  "who may only look gets no button that works": async ({ browser, open }) => {
    for (const page of ["users", "disks", "clients"] as const) {
      await open(page, READ_ONLY);
      const buttons = "[...document.querySelectorAll('#view button')]";
      assert.ok(await browser.evaluate(`${buttons}.length > 1`), page);
      assert.ok(await browser.evaluate(`${buttons}.every((one) => one.disabled)`), page);
    }
  },

  "without a server the pages say so": async ({ browser, ubus, open }) => {
    ubus.fault = `/tmp/ksmbd.sock${HOSTILE}: no server answers, start it first`;
    for (const page of ["shares", "users", "disks", "clients"] as const) {
      await open(page);
      assert.ok((await browser.textOf("#view")).includes(ubus.fault), page);
    }
  },
};

function callsOf(ubus: StubUbus, object: string, method: string): Call[] {
  return ubus.calls.filter((call) => call.object === object && call.method === method);
}

async function waitFor(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !condition(); i++) await Bun.sleep(50);
  assert.ok(condition(), "the call came");
}

/** The methods that the pages called are those that the app's ACL grants. */
function checkRights(calls: readonly Call[]): void {
  type Rights = { readonly ubus: Readonly<Record<string, readonly string[]>> };
  const { read, write } = (JSON.parse(readFileSync(ACL, "utf8")) as Record<string, Record<string, Rights>>)[
    "luci-app-minismbd"
  ] as { read: Rights; write: Rights };
  const granted = [read, write].flatMap(({ ubus }) =>
    Object.entries(ubus).flatMap(([object, methods]) => methods.map((method) => `${object}.${method}`)),
  );
  const called = calls.map(({ object, method }) => `${object}.${method}`);
  const ours = called.filter((name) => /^(?:minismbd|log)\./.test(name));
  assert.deepEqual([...new Set(ours)].sort(), granted.sort());
}

async function checkPage(browser: Browser): Promise<void> {
  const found = await browser.evaluate<unknown>(
    "window.hacked ?? document.querySelector('img[src=x]')?.outerHTML ?? null",
  );
  assert.equal(found, null, "a name was taken for HTML");
}

async function play(luci: string, extra: string, scene: Scene): Promise<readonly Call[]> {
  const ubus = new StubUbus(extra);
  const pages = servePages(luci, ubus);
  const browser = new Browser();
  try {
    const open: Stage["open"] = async (page, search = "") => {
      await browser.open(`${pages.url(page)}${search}`);
      await checkPage(browser);
    };
    await scene({ browser, ubus, open });
    await checkPage(browser);
    assert.deepEqual(browser.faults, []);
  } finally {
    browser.close();
    pages.stop();
  }
  return ubus.calls;
}

const takePictures: Scene = async ({ browser, open }) => {
  mkdirSync(PICTURES, { recursive: true });
  for (const page of PAGES) {
    await open(page);
    await Bun.sleep(300);
    await browser.picture(join(PICTURES, `${page}.png`));
  }
  await open("shares");
  await browser.press("Edit", "#cbi-ksmbd-share", 0);
  await browser.until("document.querySelector('.modal [data-name=name] input')");
  await Bun.sleep(300);
  await browser.picture(join(PICTURES, "share.png"));
};

const [luci] = process.argv.slice(2);
if (luci === undefined) throw new Error("write npm run luci -- LUCI, a checkout of github.com/openwrt/luci");
const calls: Call[] = [];
let failures = 0;
for (const [title, scene] of Object.entries(SCENES)) {
  try {
    calls.push(...(await play(luci, HOSTILE, scene)));
    process.stdout.write(`pass  ${title}\n`);
  } catch (error) {
    failures++;
    process.stdout.write(`FAIL  ${title}: ${String(error)}\n`);
  }
}
if (failures === 0) {
  checkRights(calls);
  await play(luci, PLAIN, takePictures);
  process.stdout.write(`pictures in ${PICTURES}\n`);
}
process.exit(failures === 0 ? 0 : 1);

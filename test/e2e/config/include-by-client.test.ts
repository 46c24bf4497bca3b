// `include` with variables of the client: what each client gets by his own file, as smbd decides it.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../cli/executable.ts";
import { hasSmbd } from "../../peer/smbd.ts";
import { type SmbdOnFile, startSmbdOnFile } from "../../peer/smbd-file.ts";
import { makeDirectory, removeDirectory, type User } from "../../peer/test-server.ts";
import {
  accessOf,
  type Files,
  type Permitted,
  serveFile,
  type Served,
  writeFiles,
} from "../client/config-rig.ts";
import type { LogOnOptions } from "../client/raw-calls.ts";
import { openFile, mountShare } from "../client/raw-files.ts";

const GAMES: User = { user: "games", password: "Correct-Horse-9" };
const NEWS: User = { user: "news", password: "Battery-Staple-7" };
const USERS = [GAMES, NEWS];

const base = makeDirectory("minismbd-include-client");
const data = join(base, "data");
afterAll(() => removeDirectory(base));

/** `smbd`: what smbd gives, where that is another thing. */
type Row = readonly [client: LogOnOptions, share: string, permitted: Permitted, smbd?: Permitted];

/** The files of one configuration, below a directory of its own, which DIR stands for. */
interface Case {
  readonly title: string;
  readonly include: string;
  readonly files: Files;
  readonly gets: readonly Row[];
}

const ALLOWED = "[docs]\nread only = no\n";
const CLOSED = "[docs]\ninvalid users = games news\n";
const at = (workstation: string, user = GAMES): LogOnOptions => ({ ...user, workstation });

const CASES: readonly Case[] = [
  {
    title: "the user's file adds to a share and adds a share",
    include: "DIR/user.%U",
    files: { "user.games": `${ALLOWED}[more]\npath = ${data}\n` },
    gets: [
      [GAMES, "docs", "write"],
      [NEWS, "docs", "read"],
      [GAMES, "more", "read"],
      [NEWS, "more", "absent"],
    ],
  },
  {
    title: "the machine's file, by the name that the client sends, in lower case",
    include: "DIR/machine.%m",
    files: { "machine.laptop-7": CLOSED, "machine.a_b_.._c": ALLOWED },
    gets: [
      [at("LAPTOP-7"), "docs", "refused"],
      [at("Other"), "docs", "read"],
      [at("A$b/../c"), "docs", "write"],
    ],
  },
  {
    title: "the files of the client's address and of the server's",
    include: "DIR/from.%I.to.%i",
    files: { "from.127.0.0.1.to.127.0.0.1": ALLOWED },
    gets: [[GAMES, "docs", "write"]],
  },
  {
    title: "the file of the user's primary group, and of what smbd calls every client of SMB2",
    include: "DIR/%G.%a",
    files: { "games.Vista": ALLOWED },
    gets: [
      [GAMES, "docs", "write"],
      [NEWS, "docs", "read"],
    ],
  },
  {
    title: "a directory that differs by user",
    include: "DIR/users/%U/smb.conf",
    files: { "users/news/smb.conf": CLOSED },
    gets: [
      [GAMES, "docs", "read"],
      [NEWS, "docs", "refused"],
    ],
  },
  {
    title: "a guest's file is that of the name which he gave",
    include: "DIR/user.%U",
    files: { "user.stranger": "[docs]\nguest ok = yes\n" },
    gets: [
      [{ user: "Stranger", password: "x" }, "docs", "read"],
      [{ user: "stranger2", password: "x" }, "docs", "refused"],
    ],
  },
  {
    title: "[global] of a user's file: the default of shares and who may connect at all",
    include: "DIR/user.%U",
    files: { "user.games": "[global]\nread only = no\n", "user.news": "[global]\nhosts deny = ALL\n" },
    gets: [
      // smbd gives a share the defaults of the [global] that it had read when it first read the share.
      [GAMES, "docs", "write", "read"],
      [NEWS, "docs", "refused", "read"],
    ],
  },
  {
    title: "a user's file includes that of the machine",
    include: "DIR/user.%U",
    files: { "user.games": "include = DIR/machine.%m\n", "machine.den": CLOSED },
    gets: [
      [at("kitchen"), "docs", "read"],
      [at("den"), "docs", "refused"],
      [at("den", NEWS), "docs", "read"],
    ],
  },
];

function write(directory: string, { include, files }: Case): void {
  const main = `[global]\nmap to guest = bad user\n[docs]\npath = ${data}\ninclude = ${include}\n`;
  const all = Object.entries({ "smb.conf": main, ...files });
  writeFiles(
    directory,
    Object.fromEntries(all.map(([name, text]) => [name, text.replaceAll("DIR", directory)])),
  );
}

describe.skipIf(process.getuid?.() !== 0).each(CASES.map((each) => [each.title, each] as const))(
  "%s",
  (_, each) => {
    let ours: Served;
    let samba: SmbdOnFile | undefined;

    beforeAll(async () => {
      mkdirSync(data, { recursive: true });
      chmodSync(data, 0o777);
      const directory = makeDirectory("case", base);
      write(directory, each);
      ours = await serveFile(directory, "smb.conf", USERS);
      if (hasSmbd()) samba = await startSmbdOnFile(join(directory, "smb.conf"), USERS);
    });
    afterAll(async () => {
      await ours?.stop();
      await samba?.stop();
    });

    test.each(each.gets)("%o in [%s]: %s", async (client, share, permitted, smbd = permitted) => {
      expect(await accessOf(ours, client, share)).toBe(permitted);
      if (samba) expect(await accessOf(samba, client, share)).toBe(smbd);
    });
  },
);

describe("a running server", () => {
  let directory: string;
  let server: Served;

  beforeAll(async () => {
    mkdirSync(data, { recursive: true });
    chmodSync(data, 0o777);
    directory = makeDirectory("running", base);
    const main = `[global]\ninclude = ${directory}/user.%U\n[docs]\npath = ${data}\n`;
    writeFiles(directory, { "smb.conf": main });
    server = await serveFile(directory, "smb.conf", USERS);
  });
  afterAll(() => server.stop());

  test("a client's file that is written, changed and removed counts from the next connection on", async () => {
    expect(await accessOf(server, GAMES, "docs")).toBe("read");
    writeFiles(directory, { "user.games": CLOSED });
    expect(await accessOf(server, GAMES, "docs")).toBe("refused");
    writeFiles(directory, { "user.games": "[docs]\ncomment = open again\n" });
    expect(await accessOf(server, GAMES, "docs")).toBe("read");
  });

  test("the main file stays as it was at the last reload", async () => {
    writeFiles(directory, {
      "smb.conf": `[global]\ninclude = ${directory}/user.%U\n[other]\npath = ${data}\n`,
      "user.games": "[docs]\ncomment = mine\n",
    });
    expect(await accessOf(server, GAMES, "docs")).toBe("read");
    expect(await accessOf(server, GAMES, "other")).toBe("absent");
    server.signal("SIGHUP");
    while ((await accessOf(server, GAMES, "other")) !== "read") await Bun.sleep(20);
    expect(await accessOf(server, GAMES, "docs")).toBe("absent");
  });

  test("a reload ends the rights that a client's file has taken away", async () => {
    const mount = await mountShare(server, GAMES, "other");
    writeFiles(directory, { "user.games": "[other]\ninvalid users = games\n" });
    server.signal("SIGHUP");
    const deadline = Date.now() + 10_000;
    let isServed = true;
    while (isServed && Date.now() < deadline)
      isServed = await openFile(mount, "", { createOptions: 1 }).then(
        () => true,
        () => false,
      );
    expect(isServed).toBe(false);
    mount.client.close();
  });

  test("testparm --user reads the client's file and names it", () => {
    writeFiles(directory, { "user.news": CLOSED });
    const words = ["-P", join(directory, "ksmbdpwd.db"), "--user", "news", "--share", "other"];
    const { out } = run(["testparm", ...words, join(directory, "smb.conf")]);
    expect(out).toContain(`for this client the server also reads ${directory}/user.news`);
  });
});

// An administrator adds, changes and deletes shares by RPC: `net rpc share` of Samba and impacket, against this server and
// smbd. [MS-SRVS] 3.1.4.7, 3.1.4.11, 3.1.4.12.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { FlockOperation, flockFd } from "../../../src/linux/locks.ts";
import { startSmbd } from "../../peer/smbd.ts";
import { makeDirectory, removeDirectory, type TestServer, type User } from "../../peer/test-server.ts";
import { runProgram, runSmbclient } from "../client/smbclient.ts";
import { startServer } from "../client/server.ts";
import { DAEMON, GAMES, hasImpacket, hasPeer, PYTHON } from "./rpc-clients.ts";

const hasNet = Bun.which("net") !== null;
const USERS = [DAEMON, GAMES];
/** Of the administrators; the others' directories may not be shared. */
let area: string;
let server: TestServer;

beforeEach(async () => {
  area = realpathSync(makeDirectory("area"));
  for (const name of ["films", "music", "two words"]) mkdirSync(join(area, name), { mode: 0o755 });
  chmodSync(area, 0o755);
  const shares = [{ name: "test", parameters: { comment: "the first ; of them" } }];
  const parameters = { "admin users": GAMES.user, "client share directories": area };
  // net knows port 445 only.
  server = await startServer({ host: "127.44.5.3", port: 445, users: USERS, shares, parameters });
});
afterEach(async () => {
  await server.stop();
  removeDirectory(area);
});

const configuration = (of = server): string => readFileSync(join(of.directory, "minismbd.conf"), "utf8");

async function net(words: string, user: User = GAMES, of = server): Promise<string> {
  const account = ["-U", `${user.user}%${user.password}`, "--use-kerberos=off"];
  const target = ["-S", of.host];
  const command = ["net", "--configfile=/dev/null", ...target, ...account, "rpc"];
  return (await runProgram([...command, ...words.split("|").flatMap((word) => word.split(" "))])).output;
}

const PROLOGUE = `
import sys, time
from impacket.dcerpc.v5 import transport, srvs
from impacket.dcerpc.v5.dtypes import NULL
from impacket.dcerpc.v5.rpcrt import DCERPCException
host, port, user, password, area = sys.argv[1:6]
t = transport.SMBTransport(host, int(port), "\\\\srvsvc", user, password)
s = t.get_dce_rpc()
s.connect()
s.bind(srvs.MSRPC_UUID_SRVS)
def fill(info, level, **fields):
    p = "shi%d_" % level
    for key in ("netname", "remark", "path", "passwd", "servername", "security_descriptor"):
        if p + key in info.fields and key not in fields: info[p + key] = NULL
    for key in ("type", "permissions", "current_uses", "reserved"):
        if p + key in info.fields: info[p + key] = 0
    if p + "max_uses" in info.fields: info[p + "max_uses"] = 0xffffffff
    for key, value in fields.items():
        info[p + key] = value + "\\0" if isinstance(value, str) else value
    return info
def add(level, **fields):
    info = {2: srvs.SHARE_INFO_2, 502: srvs.SHARE_INFO_502, 503: srvs.SHARE_INFO_503}[level]()
    return srvs.hNetrShareAdd(s, level, fill(info, level, **fields))
def change(name, level, **fields):
    info = getattr(srvs, "SHARE_INFO_%d" % level)()
    return srvs.hNetrShareSetInfo(s, name + "\\0", level, fill(info, level, **fields))
def delete(name): return srvs.hNetrShareDel(s, name + "\\0")
def show(name, tries=20):
    # smbd's process for the pipe learns of the new file a little later.
    while tries > 1 and not any(each["shi1_netname"] == name + "\\0" for each in
        srvs.hNetrShareEnum(s, 1)["InfoStruct"]["ShareInfo"]["Level1"]["Buffer"]):
        time.sleep(0.25); tries -= 1
    info = srvs.hNetrShareGetInfo(s, name + "\\0", 502)["InfoStruct"]["ShareInfo502"]
    return info["shi502_remark"].rstrip("\\0"), info["shi502_path"].rstrip("\\0").replace(area.replace("/", "\\\\"), "AREA")
def attempt(label, call):
    try:
        call()
        print(label, "done")
    except DCERPCException as error:
        print(label, error.get_error_code())
`;

async function impacket(script: string, user: User = GAMES, of = server, below = area): Promise<string> {
  const words = [of.host, String(of.port), user.user, user.password, below];
  return (await runProgram([PYTHON, "-c", PROLOGUE + script, ...words])).output;
}

describe.skipIf(!hasNet)("net rpc share", () => {
  test("adds a share that clients can use at once, and deletes it: every other line stays", async () => {
    const before = configuration();
    expect(await net(`share add films=${area}/films`)).not.toMatch(/fail|error|denied/i);
    expect(configuration()).toStartWith(before.trimEnd());
    expect(configuration()).toEndWith(`\n[films]\n\tpath = ${area}/films\n`);
    expect(await net("share list")).toMatch(/^films$/m);
    expect((await runSmbclient(server, ["ls"], { share: "films", user: DAEMON })).status).toBe(0);
    expect(await net("share delete films")).not.toMatch(/fail|error|denied/i);
    expect(configuration()).toBe(before);
    expect((await runSmbclient(server, ["ls"], { share: "films", user: DAEMON })).output).toContain(
      "NT_STATUS_BAD_NETWORK_NAME",
    );
    expect(server.log()).toMatch(/share \[films\] was added by 'games' from 127\.\d+\.\d+\.\d+/);
    expect(server.log()).toMatch(/share \[films\] was deleted by 'games' from 127\.\d+\.\d+\.\d+/);
  });

  test("takes Windows' paths, as they are shown", async () => {
    expect(await net(`share add music=C:${`${area}/music`.replaceAll("/", "\\")}`)).not.toMatch(/fail/i);
    expect(configuration()).toContain(`[music]\n\tpath = ${area}/music\n`);
  });

  test("changes nothing for a user who is no administrator", async () => {
    const before = configuration();
    expect(await net(`share add films=${area}/films`, DAEMON)).toMatch(/denied/i);
    await net("share delete test", DAEMON);
    expect(configuration()).toBe(before);
  });
});

/** Each ends with what smbd answers, too; `own` where its scripts are what decides there. */
const REFUSED = `
import os
attempt("exists", lambda: add(2, netname="test", path="C:" + area + "/films", remark=""))
attempt("no directory", lambda: add(2, netname="x", path="C:" + area + "/nothing"))
attempt("relative", lambda: add(2, netname="x", path="films"))
attempt("another drive", lambda: add(2, netname="x", path="D:" + area + "/films"))
attempt("outside", lambda: add(2, netname="x", path="C:/etc"))
attempt("dots", lambda: add(2, netname="x", path="C:" + area + "/../.."))
attempt("link", lambda: add(2, netname="x", path="C:" + area + "/way-out"))
attempt("file", lambda: add(2, netname="x", path="C:" + area + "/film"))
for name in ("", "glob\\nal", "a]b", "[x", "global", "homes", "printers", "a/b", "x" * 80, "a#b", " x"):
    attempt("name %r" % name[:9], lambda: add(2, netname=name, path="C:" + area + "/films"))
for comment in ("one\\ntwo = three", "a ; b", "x" * 300, "%U"):
    attempt("comment %r" % comment[:9], lambda: add(2, netname="x", path="C:" + area + "/films", remark=comment))
attempt("printer", lambda: add(2, netname="x", type=1, path="C:" + area + "/films"))
attempt("descriptor", lambda: add(502, netname="x", path="C:" + area + "/films", security_descriptor=b"\\1\\0\\4\\x80" + 16 * b"\\0"))
attempt("delete missing", lambda: delete("nobody-has-it"))
attempt("delete IPC$", lambda: delete("IPC$"))
attempt("delete global", lambda: delete("global"))
attempt("set missing", lambda: change("nobody-has-it", 1004, remark="x"))
attempt("set moved", lambda: change("test", 2, netname="test", remark="x", path="C:/etc"))
attempt("set flags", lambda: change("test", 1005, flags=0x30))
attempt("set level", lambda: change("test", 1501, reserved=0))
`;

const REFUSALS: Readonly<Record<string, number>> = {
  exists: 2118,
  "no directory": 2116,
  relative: 2116,
  "another drive": 2116,
  outside: 5,
  dots: 5,
  link: 5,
  file: 2116,
  "comment 'one\\ntwo ='": 87,
  "comment 'a ; b'": 87,
  "comment 'xxxxxxxxx'": 87,
  "comment '%U'": 87,
  printer: 87,
  descriptor: 50,
  "delete missing": 2310,
  "delete IPC$": 5,
  "delete global": 2310,
  "set missing": 2310,
  "set moved": 50,
  "set flags": 50,
};

describe.skipIf(!hasImpacket || !hasNet)("impacket", () => {
  test("adds at each level, changes comments and limits, and deletes", async () => {
    const before = configuration();
    const output = await impacket(`
for level, name in ((2, "films"), (502, "music"), (503, "both words")):
    add(level, netname=name, path="C:" + area + "/" + (name if level < 503 else "two words"), remark="of " + name)
    print(show(name))
change("films", 1004, remark="Straße 東京")
print(show("films"))
change("films", 1006, max_uses=7)
change("films", 1005, flags=0)
change("FILMS", 1, netname="films", remark="one")
change("films", 2, netname="films", remark="two", path="C:" + area + "/films", max_uses=9)
change("films", 502, netname="films", remark="three")
print(show("films"))
change("films", 1004, remark="")
print(show("films"))
`);
    expect(output.trim().split("\n")).toEqual([
      "('of films', 'C:AREA\\\\films')",
      "('of music', 'C:AREA\\\\music')",
      "('of both words', 'C:AREA\\\\two words')",
      "('Straße 東京', 'C:AREA\\\\films')",
      "('three', 'C:AREA\\\\films')",
      "('', 'C:AREA\\\\films')",
    ]);
    expect(configuration()).toContain(`[films]\n\tpath = ${area}/films\n\tmax connections = 9\n`);
    await impacket(`for name in ("films", "music", "both words"): delete(name)`);
    expect(configuration()).toBe(before);
  });

  test("is told why it may not, and the file stays", async () => {
    symlinkSync("/etc", join(area, "way-out"));
    writeFileSync(join(area, "film"), "");
    const before = configuration();
    const lines = (await impacket(REFUSED)).trim().split("\n");
    const answers = new Map(lines.map((line) => [line.replace(/ \S+$/, ""), line.split(" ").at(-1)]));
    for (const [label, code] of Object.entries(REFUSALS))
      expect([label, answers.get(label)]).toEqual([label, String(code)]);
    const names = [...answers].filter(([label]) => label.startsWith("name "));
    expect(names).toHaveLength(11);
    for (const [label, code] of names) expect([label, code]).toEqual([label, "123"]);
    expect(configuration()).toBe(before);
  });

  test("is refused any change while no directory is named for it", async () => {
    const other = await startServer({ users: USERS, parameters: { "admin users": GAMES.user } });
    const before = configuration(other);
    const attempts = `
attempt("add", lambda: add(2, netname="x", path="C:" + area))
attempt("set", lambda: change("test", 1004, remark="x"))
attempt("delete", lambda: delete("test"))`;
    const output = await impacket(attempts, GAMES, other);
    const after = configuration(other);
    await other.stop();
    expect(output).toBe("add 50\nset 50\ndelete 50\n");
    expect(after).toBe(before);
  });

  test("gets an error when the file cannot be written, and the share stays", async () => {
    // A change by another program, which goes on.
    const other = openSync(join(server.directory, "minismbd.conf.tmp"), "w");
    flockFd(other, FlockOperation.EXCLUSIVE);
    expect(await impacket('attempt("delete", lambda: delete("test"))')).toBe("delete 5\n");
    closeSync(other);
    expect((await runSmbclient(server, ["ls"], { share: "test", user: DAEMON })).status).toBe(0);
    expect(server.log()).toMatch(/share \[test\] was not deleted .*: another change is under way/);
  });
});

/** What `add share command`, `change share command` and `delete share command` of smb.conf(5) are called for. */
const SCRIPTS: Readonly<Record<string, string>> = {
  add: 'printf "\\n[%s]\\n\\tpath = %s\\n\\tcomment = %s\\n" "$2" "$3" "$4" >> "$1"',
  change: 'sed -i "/^\\[$2\\]/,/^$/s/comment = .*/comment = $4/" "$1"',
  delete: 'sed -i "/^\\[$2\\]/,/^$/d" "$1"',
};

/** Of both servers; the lists of shares are compared as well. */
const BOTH = `
attempt("add", lambda: add(2, netname="films", path="C:" + area + "/films", remark="all"))
print(show("films"))
attempt("again", lambda: add(2, netname="films", path="C:" + area + "/films"))
attempt("add 502", lambda: add(502, netname="music", path="C:" + area + "/music"))
attempt("no path", lambda: add(2, netname="x", path=""))
attempt("relative", lambda: add(2, netname="x", path="films"))
attempt("bad name", lambda: add(2, netname="a*b", path="C:" + area + "/films"))
attempt("set", lambda: change("films", 1004, remark="some"))
print(show("films"))
attempt("set IPC$", lambda: change("IPC$", 1004, remark="x"))
attempt("set missing", lambda: change("nobody-has-it", 1004, remark="x"))
attempt("delete", lambda: delete("films"))
attempt("delete again", lambda: delete("films"))
attempt("delete IPC$", lambda: delete("IPC$"))
`;

describe.skipIf(!hasImpacket || !hasPeer)("smbd with scripts that edit its file", () => {
  test("answers the same but for three codes", async () => {
    const parameters: Record<string, string> = {};
    for (const [name, script] of Object.entries(SCRIPTS)) {
      const file = join(area, `${name}.sh`);
      writeFileSync(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      parameters[`${name} share command`] = file;
    }
    const peer = await startSmbd({ users: USERS, parameters });
    const conf = `--configfile=${join(peer.directory, "smb.conf")}`;
    await runProgram(["net", conf, "sam", "rights", "grant", GAMES.user, "SeDiskOperatorPrivilege"]);
    const theirs = await impacket(BOTH, GAMES, peer);
    const refused = await impacket('attempt("delete", lambda: delete("test"))', DAEMON, peer);
    await peer.stop();
    // Where [MS-SRVS] 3.1.4.7 and 3.1.4.12 name another code than smbd answers, ours is that of the text.
    const ours = (await impacket(BOTH))
      .replace("again 2118", "again 80")
      .replaceAll(/(path|relative) 2116/g, "$1 161")
      .replace("delete again 2310", "delete again 67");
    expect(ours).toBe(theirs);
    expect(await impacket('attempt("delete", lambda: delete("test"))', DAEMON)).toBe(refused);
  });
});

// Previous versions as Samba's programs ask for them: smbclient's allinfo and get, smbtorture's smb2.twrp.
// Its test `listdir` is left out: it separates path components by slashes, which Windows refuses.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  giveToTester,
  makeDirectory,
  removeDirectory,
  TESTER,
  type TestServer,
} from "../../peer/test-server.ts";
import { mountTest } from "../client/attack-rig.ts";
import { closeFile, openFile, readFile } from "../client/raw-files.ts";
import { startServer } from "../client/server.ts";
import { connectionWords, hasSmbclient, runProgram } from "../client/smbclient.ts";

const TOKEN = "@GMT-2020.01.02-03.04.05";

let base: string;
let server: TestServer;
beforeAll(async () => {
  base = makeDirectory("minismbd-snapshots-");
  chmodSync(base, 0o755);
  const folder = join(base, "share", ".snapshots", TOKEN);
  mkdirSync(join(folder, "sub"), { recursive: true });
  for (const path of [join(base, "share"), folder]) giveToTester(path);
  writeFileSync(join(folder, "file"), "as it was");
  writeFileSync(join(folder, "sub", "gone"), "gone by now");
  chmodSync(join(folder, "file"), 0o666);
  writeFileSync(join(base, "share", "file"), "as it is");
  chmodSync(join(base, "share", "file"), 0o666);
  server = await startServer({
    shares: [
      {
        name: "test",
        path: join(base, "share"),
        parameters: {
          "vfs objects": "shadow_copy2",
          "shadow:mountpoint": join(base, "share"),
          "shadow:snapdir": ".snapshots",
        },
      },
    ],
  });
});
afterAll(async () => {
  await server.stop();
  removeDirectory(base);
});

async function smbclient(commands: string): Promise<string> {
  const words = [
    "smbclient",
    `//${server.host}/test`,
    ...connectionWords(server, {}),
    `--command=${commands}`,
  ];
  return (await runProgram(words, base)).output;
}

describe.skipIf(!hasSmbclient())("smbclient", () => {
  test("allinfo shows the previous version and its size", async () => {
    const output = await smbclient("allinfo file");
    expect(output).toMatch(new RegExp(`^${TOKEN.replaceAll(".", "\\.")}$`, "m"));
    expect(output).toContain("size: 9");
  });

  test("a client gets and lists a previous version, and fails to write or delete in it", async () => {
    await smbclient(`get ${TOKEN}\\sub\\gone gone; get file now`);
    expect(readFileSync(join(base, "gone"), "utf8")).toBe("gone by now");
    expect(readFileSync(join(base, "now"), "utf8")).toBe("as it is");
    expect(await smbclient(`ls ${TOKEN}\\*`)).toMatch(/^ {2}sub +D/m);
    expect(await smbclient(`put now ${TOKEN}\\new`)).toContain("NT_STATUS_MEDIA_WRITE_PROTECTED");
    expect(await smbclient(`del ${TOKEN}\\file`)).toContain("NT_STATUS_MEDIA_WRITE_PROTECTED");
  });
});

test("a path through the snapshot directory reads the snapshot's file by plain names", async () => {
  const mount = await mountTest(server);
  const { fileId } = await openFile(mount, `.snapshots\\${TOKEN}\\file`);
  expect(new TextDecoder().decode(await readFile(mount, fileId, 0, 100))).toBe("as it was");
  await closeFile(mount, fileId);
  mount.client.close();
});

describe.skipIf(Bun.which("smbtorture") === null)("smbtorture", () => {
  test("smb2.twrp.write, stream and openroot succeed", async () => {
    // The stream is written over SMB; `cp -a` copies the file with its extended attributes into the snapshot.
    writeFileSync(join(base, "stream"), "streams");
    await smbclient("put stream file:kept");
    const snapshot = join(base, "share", ".snapshots", TOKEN, "file");
    await runProgram(["cp", "-a", join(base, "share", "file"), snapshot]);
    const options = {
      twrp_file: "file",
      twrp_snapshot: TOKEN,
      twrp_stream: "kept",
      twrp_stream_size: "7",
    };
    const { output } = await runProgram([
      "smbtorture",
      `//${server.host}/test`,
      "--configfile=/dev/null",
      "-p",
      String(server.port),
      `--user=${TESTER.user}%${TESTER.password}`,
      ...Object.entries(options).map(([name, value]) => `--option=torture:${name}=${value}`),
      "smb2.twrp.write",
      "smb2.twrp.stream",
      "smb2.twrp.openroot",
    ]);
    for (const name of ["write", "stream", "openroot"]) expect(output).toContain(`success: ${name}`);
  }, 30_000);
});

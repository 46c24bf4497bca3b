// A newcomer with a Mac does what the README says, in its words, and backs up. Needs root, as the README's `chown`.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppleCapability, AppleVolumeCapability } from "../../../src/wire/context/apple-context.ts";
import { run, ROOT, type Server, startServer } from "../../cli/executable.ts";
import { makeDirectory, removeDirectory, type User } from "../../peer/test-server.ts";
import { mountShare } from "../client/raw-files.ts";
import { BackupMachine, MIB } from "./backup-machine.ts";
import { queryApple } from "./mac.ts";

const ANNA: User = { user: "anna", password: "Plum-Cake-77" };
const PATH = "/mnt/disk/backups";

let directory = "";
let server: Server | undefined;
beforeAll(() => {
  directory = makeDirectory("first-steps");
});
afterAll(async () => {
  await server?.stop();
  removeDirectory(directory);
});

/** The first block of that language in the README's section for Macs. */
function blockOf(language: string): string {
  const text = readFileSync(join(ROOT, "README.md"), "utf8");
  const [, section = ""] = text.split("### Macs and Time Machine\n");
  return section.split(`\`\`\`${language}\n`)[1]?.split("```")[0] ?? "";
}

test.skipIf(process.getuid?.() !== 0)("the README's lines make a share that a Mac backs up to", async () => {
  const [conf, users, path] = ["conf", "users", "backups"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(conf, blockOf("ini").replaceAll(PATH, path));
  const files = ["-C", conf, "-P", users];
  const carryOut = (line: string): string => {
    const words = line.replaceAll(PATH, path).split(" ");
    if (words[0] === "minismbd") {
      const { out, err, status } = run([...words.slice(1), ...files], {
        env: { MINISMBD_PASSWORD: ANNA.password },
      });
      expect(status).toBe(0);
      return out + err;
    }
    return Bun.spawnSync(words).stdout.toString();
  };
  const commands = blockOf("sh").trim().split("\n");
  expect(commands).toHaveLength(3);
  const said = commands.map(carryOut).at(-1) ?? "";
  expect(said).toContain("writes: no");
  carryOut(/run '(chown [^']+)'/.exec(said)?.[1] ?? "false");
  expect(carryOut(commands[2] ?? "")).toContain("writes: yes");
  const options = ["tcp port = 0", "interfaces = 127.0.0.1", "bind interfaces only = yes"];
  server = await startServer(["serve", ...files, "-n", ...options.flatMap((option) => ["-o", option])]);
  const place = { host: "127.0.0.1", port: server.port };

  const finder = await mountShare(place, ANNA, "Backups");
  const found = await queryApple(finder);
  const { READ_DIR_ATTR_V2, OSX_COPYFILE, UNIX_BASED, NFS_ACE } = AppleCapability;
  expect(found?.serverCapabilities).toBe(READ_DIR_ATTR_V2 | OSX_COPYFILE | UNIX_BASED | NFS_ACE);
  expect((found?.volumeCapabilities ?? 0) & AppleVolumeCapability.FULL_SYNC).toBe(
    AppleVolumeCapability.FULL_SYNC,
  );
  finder.client.close();

  const mac = await BackupMachine.connect(place, {
    share: "Backups",
    name: "Anna's Mac",
    bandBytes: MIB,
    user: ANNA,
  });
  await mac.makeBundle();
  for (const band of [0, 1, 2]) await mac.backUp(band, 0, 8);
  await mac.detach();
  expect(await mac.restore()).toEqual({ faults: [], blocks: 24 });
  mac.cut();
});

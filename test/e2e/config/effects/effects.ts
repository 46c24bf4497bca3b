// Parameters of shares and what each changes for a client: one row a parameter, without it and with it. Those that other
// tests show are in test/parameter-effects.ts.
import { chmodSync, chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setXattr } from "../../../../src/linux/xattr.ts";
import { AT_FDCWD, closeFd, Open, openAt } from "../../../../src/linux/open.ts";
import { statusName } from "../../../../src/wire/status.ts";
import { createCall, mountShare } from "../../client/raw-files.ts";
import { TESTER } from "../../../peer/test-server.ts";
import { askReferral } from "../../interop/dfs-rig.ts";
import {
  binOf,
  diskBytes,
  listed,
  listedNames,
  made,
  madeDirectory,
  make,
  type Place,
  recycled,
  snapshots,
  spelt,
} from "./probes.ts";

export interface Effect {
  readonly parameter: string;
  readonly value: string;
  /** Lines of both shares. */
  readonly common?: Readonly<Record<string, string>>;
  /** Makes what both shares contain. */
  readonly prepare?: (path: string) => void;
  readonly probe: (place: Place) => Promise<unknown>;
  readonly without: unknown;
  readonly with: unknown;
}

/** A user of the machine who is not the owner of the shares' directories. */
const OTHER = 61_005;

function folder(path: string, name: string, mode: number, owner = 1): void {
  mkdirSync(join(path, name));
  chmodSync(join(path, name), mode);
  chownSync(join(path, name), owner, owner);
}

/** acl(5) as the kernel has it: version 2, and rwx for owner, group and others. */
function openDefaultAcl(path: string): void {
  folder(path, "sub", 0o777);
  const acl = new Uint8Array([
    2,
    0,
    0,
    0,
    ...[1, 4, 0x20].flatMap((tag) => [tag, 0, 7, 0, 255, 255, 255, 255]),
  ]);
  const fd = openAt(AT_FDCWD, join(path, "sub"), Open.DIRECTORY);
  const failure = setXattr(fd, "system.posix_acl_default", acl);
  closeFd(fd);
  if (failure !== 0) throw new Error(`setxattr: ${failure}`);
}

const UNCASED = { "preserve case": "no" };
const SNAPSHOTS = {
  "vfs objects": "shadow_copy2",
  "shadow:snapdir": "PATH/.snaps",
  "shadow:basedir": "PATH",
};
const BIN = { "vfs objects": "recycle" };
const PREFIXED = { ...SNAPSHOTS, "shadow:format": "_GMT-%Y.%m.%d-%H.%M.%S" };
const FIRST = "@GMT-2020.01.02-03.04.05";
const SECOND = "@GMT-2021.06.07-00.00.00";

const taken =
  (...names: readonly string[]) =>
  (path: string): void => {
    for (const name of names) mkdirSync(join(path, ".snaps", name), { recursive: true });
  };

async function modes({ path }: Place, ...names: readonly string[]): Promise<string[]> {
  return names.map((name) => (statSync(join(path, name)).mode & 0o777).toString(8));
}

async function firstTargets({ server, path }: Place): Promise<boolean> {
  const share = path.slice(path.lastIndexOf("/") + 1);
  const pipes = await mountShare(server, TESTER, "IPC$");
  const first = new Set<string>();
  for (let time = 0; time < 60; time++) {
    const referral = await askReferral(pipes, `\\127.0.0.1\\${share}\\link`);
    if (typeof referral === "string") throw new Error(referral);
    first.add(referral.targets[0] ?? "");
  }
  pipes.client.close();
  return first.size > 1;
}

/** Waits until the bin is what it will be; the server looks after it some seconds after a deletion. */
async function binSoon(place: Place, count: number): Promise<number> {
  const deadline = Date.now() + 9_000;
  while (binOf(place).length !== count && Date.now() < deadline) await Bun.sleep(100);
  return binOf(place).length;
}

export const EFFECTS: readonly Effect[] = [
  {
    parameter: "force create mode",
    value: "0022",
    probe: async (place) => (await made(place, "f")).mode,
    without: "644",
    with: "666",
  },
  {
    parameter: "force directory mode",
    value: "0022",
    probe: (place) => madeDirectory(place, "d"),
    without: "755",
    with: "777",
  },
  {
    parameter: "inherit owner",
    value: "yes",
    prepare: (path) => folder(path, "sub", 0o777, OTHER),
    probe: async (place) => (await made(place, "sub\\f")).uid,
    without: 1,
    with: OTHER,
  },
  {
    parameter: "inherit permissions",
    value: "yes",
    prepare: (path) => folder(path, "sub", 0o770),
    probe: async (place) => (await made(place, "sub\\f")).mode,
    without: "644",
    with: "660",
  },
  {
    parameter: "inherit acls",
    value: "no",
    prepare: openDefaultAcl,
    probe: async (place) => (await made(place, "sub\\f")).mode,
    without: "666",
    with: "644",
  },
  {
    parameter: "allow insecure wide links",
    value: "yes",
    common: { "follow symlinks": "yes", "wide links": "yes", "smb3 unix extensions": "yes" },
    prepare: (path) => symlinkSync("/usr", join(path, "out")),
    probe: async ({ mount }) => {
      const outcome = await mount.client.outcome(createCall(mount, "out\\bin"));
      return typeof outcome === "number" ? statusName(outcome) : outcome;
    },
    without: "STATUS_STOPPED_ON_SYMLINK",
    with: "STATUS_SUCCESS",
  },
  {
    parameter: "msdfs shuffle referrals",
    value: "yes",
    common: { "msdfs root": "yes", "follow symlinks": "yes" },
    prepare: (path) => symlinkSync("msdfs:a\\s,b\\s,c\\s,d\\s", join(path, "link")),
    probe: firstTargets,
    without: false,
    with: true,
  },
  {
    parameter: "hide unwriteable files",
    value: "yes",
    prepare(path) {
      writeFileSync(join(path, "roots"), "");
      mkdirSync(join(path, "folder"));
    },
    probe: listedNames,
    without: ["folder", "roots"],
    with: ["folder"],
  },
  {
    parameter: "mangle prefix",
    value: "3",
    common: { "mangled names": "yes" },
    probe: async (place) => {
      await make(place, "abcdefghijkl.txt");
      const [record] = await listed(place);
      return record?.shortName?.startsWith("ABC");
    },
    without: false,
    with: true,
  },
  {
    parameter: "preserve case",
    value: "no",
    probe: (place) => spelt(place, "Made By A Client.TXT"),
    without: ["Made By A Client.TXT"],
    with: ["made by a client.txt"],
  },
  {
    parameter: "short preserve case",
    value: "no",
    probe: (place) => spelt(place, "MADE.TXT"),
    without: ["MADE.TXT"],
    with: ["made.txt"],
  },
  {
    parameter: "default case",
    value: "upper",
    common: UNCASED,
    probe: (place) => spelt(place, "Made By A Client.TXT"),
    without: ["made by a client.txt"],
    with: ["MADE BY A CLIENT.TXT"],
  },
  {
    parameter: "catia:mappings",
    value: "0x3a:0xf7",
    common: { "vfs objects": "catia" },
    prepare: (path) => writeFileSync(join(path, "a:b"), ""),
    probe: async (place) => (await listedNames(place)).includes("a÷b"),
    without: false,
    with: true,
  },
  {
    parameter: "fruit:encoding",
    value: "private",
    probe: (place) => spelt(place, "a\uf022b"),
    without: ["a:b"],
    with: ["a\uf022b"],
  },
  {
    parameter: "shadow:format",
    value: "snap-%Y-%m-%d",
    common: SNAPSHOTS,
    prepare: taken(FIRST, "snap-2021-06-07"),
    probe: snapshots,
    without: [FIRST],
    with: [SECOND],
  },
  {
    parameter: "shadow:snapprefix",
    value: "^daily",
    common: PREFIXED,
    prepare: taken("daily_GMT-2020.01.02-03.04.05", "weekly_GMT-2021.06.07-00.00.00"),
    probe: snapshots,
    without: [],
    with: [FIRST],
  },
  {
    parameter: "shadow:delimiter",
    value: "-at-",
    common: { ...SNAPSHOTS, "shadow:snapprefix": "^daily", "shadow:format": "-at-%Y.%m.%d-%H.%M.%S" },
    prepare: taken("daily-at-2020.01.02-03.04.05"),
    probe: snapshots,
    without: [],
    with: [FIRST],
  },
  {
    parameter: "shadow:localtime",
    value: "yes",
    common: SNAPSHOTS,
    prepare: taken(FIRST),
    probe: snapshots,
    without: [FIRST],
    // The server of this table is in India.
    with: ["@GMT-2020.01.01-21.34.05"],
  },
  {
    parameter: "shadow:sort",
    value: "asc",
    common: SNAPSHOTS,
    prepare: taken(FIRST, SECOND),
    probe: snapshots,
    without: [SECOND, FIRST],
    with: [FIRST, SECOND],
  },
  {
    parameter: "recycle:touch",
    value: "yes",
    common: BIN,
    probe: async (place) => {
      await recycled(place, "f");
      return statSync(join(place.path, ".recycle/f")).atimeMs > Date.now() - 600_000;
    },
    without: false,
    with: true,
  },
  {
    parameter: "recycle:touch_mtime",
    value: "yes",
    common: BIN,
    probe: async (place) => {
      await recycled(place, "f");
      return statSync(join(place.path, ".recycle/f")).mtimeMs > Date.now() - 600_000;
    },
    without: false,
    with: true,
  },
  {
    parameter: "recycle:directory_mode",
    value: "0750",
    common: BIN,
    probe: async (place) => {
      await recycled(place, "f");
      return modes(place, ".recycle");
    },
    without: ["700"],
    with: ["750"],
  },
  {
    parameter: "recycle:subdir_mode",
    value: "0750",
    common: { ...BIN, "recycle:keeptree": "yes" },
    prepare: (path) => folder(path, "sub", 0o755),
    probe: async (place) => {
      await recycled(place, "sub\\f");
      return modes(place, ".recycle", ".recycle/sub");
    },
    without: ["700", "700"],
    with: ["700", "750"],
  },
  {
    parameter: "recycle:exclude_dir",
    value: "sub",
    common: BIN,
    prepare: (path) => folder(path, "sub", 0o755),
    probe: async (place) => [...(await recycled(place, "sub\\f")), ...(await recycled(place, "g"))].length,
    without: 3,
    with: 1,
  },
  {
    parameter: "recycle:noversions",
    value: "*.doc",
    common: { ...BIN, "recycle:versions": "yes" },
    probe: async (place) => {
      await recycled(place, "f.doc");
      return (await recycled(place, "f.doc")).length;
    },
    without: 2,
    with: 1,
  },
  {
    parameter: "recycle:minsize",
    value: "10",
    common: BIN,
    probe: async (place) => [
      await recycled(place, "small", "abc"),
      await recycled(place, "large", "abcdefghijkl"),
    ],
    without: [["small"], ["large", "small"]],
    with: [[], ["large"]],
  },
  {
    parameter: "recycle:limit",
    // Of what the disk allocates: a block for each file.
    value: "10K",
    common: BIN,
    probe: async (place) => {
      for (const name of ["a", "b", "c"]) await recycled(place, name, "12345678");
      return binSoon(place, 2);
    },
    without: 3,
    with: 2,
  },
  {
    parameter: "recycle:maxage",
    value: "1",
    common: BIN,
    probe: async (place) => {
      // From this time on the file ages; test/engine/vfs/recycle/bin.test.ts shows what happens after days.
      await recycled(place, "f");
      return statSync(join(place.path, ".recycle/f")).atimeMs > Date.now() - 600_000;
    },
    without: false,
    with: true,
  },
  {
    parameter: "time machine max size",
    value: "1G",
    probe: async (place) => (await diskBytes(place)) <= 1024 ** 3,
    without: false,
    with: true,
  },
];

// `npm run try-openwrt [-- --arch arm64]`: the .ipk's files in a root that has OpenWrt's C library and shell and nothing of
// glibc: musl and busybox of Debian 13, libstdc++ for musl as Python's wheels ship it. The service script starts the
// executable, smbclient of this machine uses it. arm64 runs under qemu's user emulation. Needs root, Debian and pip.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Release } from "../../board/debian/deb.ts";
import { OPENWRT_TARGETS, type OpenwrtArchitecture } from "../../board/openwrt/contents.ts";
import { packIpk } from "../../board/openwrt/ipk.ts";
import { unpackDebian } from "../fresh/bare-root.ts";
import { runChecked } from "../fresh/command.ts";
import { runChecks } from "../package/foreign.ts";

const ROOT = join(import.meta.dir, "../..");
/** The first Debian with OpenWrt's musl, 1.2.5. */
const SUITE = "trixie";
/** A wheel that brings libstdc++ and libgcc_s of musl. */
const WHEEL = "numpy";

interface Processor {
  readonly debian: string;
  readonly wheel: string;
  readonly openwrt: OpenwrtArchitecture;
}

const PROCESSORS: Readonly<Record<string, Processor>> = {
  x64: { debian: "amd64", wheel: "musllinux_1_2_x86_64", openwrt: "x86_64" },
  arm64: { debian: "arm64", wheel: "musllinux_1_2_aarch64", openwrt: "aarch64_generic" },
};

const { values: options } = parseArgs({
  options: { arch: { type: "string", default: "x64" }, keep: { type: "boolean", default: false } },
});
const processor = PROCESSORS[options.arch];
if (processor === undefined) throw new Error(`--arch ${options.arch}: write x64 or arm64`);

/** The root without the package. */
function makeRoot(root: string, { debian, wheel }: Processor, work: string): void {
  unpackDebian(root, SUITE, debian, ["musl", "busybox-static"]);
  // The loader's default directories, as OpenWrt has them.
  for (const name of readdirSync(join(root, "etc")).filter((each) => /^ld-musl-.*\.path$/.test(each)))
    rmSync(join(root, "etc", name));
  const pip = ["python3", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"];
  const kind = ["--platform", wheel, "--python-version", "3.12", "--implementation", "cp"];
  runChecked([...pip, ...kind, "--dest", work, WHEEL]);
  const file = readdirSync(work).find((name) => name.endsWith(".whl")) ?? "";
  runChecked(["python3", "-m", "zipfile", "-e", join(work, file), join(work, "wheel")]);
  const libraries = join(work, "wheel", `${WHEEL}.libs`);
  for (const name of readdirSync(libraries)) {
    if (!/^lib(?:stdc\+\+|gcc_s)/.test(name)) continue;
    runChecked(["cp", join(libraries, name), join(root, "usr/lib")]);
    if (name.startsWith("libstdc")) symlinkSync(name, join(root, "usr/lib/libstdc++.so.6"));
  }
}

const release: Release = {
  root: ROOT,
  version: "0.0.1",
  revision: "1",
  time: 1_700_000_000,
  compression: "gzip",
};
const directory = mkdtempSync(join(tmpdir(), "minismbd-musl-"));
const root = join(directory, "root");
const isForeign = options.arch === "arm64";
let status = 1;
try {
  const target = OPENWRT_TARGETS[processor.openwrt];
  runChecked([process.execPath, join(ROOT, "build.ts"), "--target", target]);
  mkdirSync(join(directory, "work"));
  makeRoot(root, processor, join(directory, "work"));
  const packed = packIpk(release, processor.openwrt, join(ROOT, "dist", `minismbd-${target}`), directory);
  const environment = {
    ROOT: root,
    PACKAGE: packed,
    STUBS: join(import.meta.dir, "root"),
    FOREIGN: isForeign ? "yes" : "",
  };
  status = await runChecks(join(import.meta.dir, "musl.sh"), { isForeign, env: environment });
} finally {
  if (options.keep) process.stdout.write(`kept: ${root}\n`);
  else rmSync(directory, { recursive: true });
}
process.stdout.write(status === 0 ? "all as it should be\n" : "not as it should be\n");
process.exit(status);

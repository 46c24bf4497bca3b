// `npm test`: type check, format check, build, then every test; on Debian as root it installs what they need.
// With CI=true nothing may be left out. The last line is `N passed, N failed, N skipped`.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const BUN = process.execPath;
const IS_CI = process.env.CI === "true";
const IS_ROOT = process.geteuid?.() === 0;

interface Tool {
  readonly name: string;
  readonly isThere: () => boolean;
  /** Debian packages that bring it. */
  readonly packages: readonly string[];
  /** What is left out without it. */
  readonly needed: string;
}

const command = (name: string) => () => Bun.which(name) !== null;

const TOOLS: readonly Tool[] = [
  {
    name: "smbclient",
    isThere: command("smbclient"),
    packages: ["smbclient"],
    needed: "tests with Samba's client",
  },
  { name: "smbd", isThere: command("smbd"), packages: ["samba"], needed: "comparisons with Samba's server" },
  {
    name: "smbtorture",
    isThere: command("smbtorture"),
    packages: ["samba-testsuite"],
    needed: "conformance",
  },
  {
    name: "impacket",
    isThere: () => existsSync("/usr/lib/python3/dist-packages/impacket"),
    packages: ["python3-impacket"],
    needed: "tests with impacket's client",
  },
  {
    name: "gcc",
    isThere: command("gcc"),
    packages: ["gcc", "libc6-dev"],
    needed: "the C headers' structure offsets",
  },
  {
    name: "exFAT in user space",
    isThere: () => command("mount.exfat-fuse")() && command("mkfs.exfat")(),
    packages: ["exfat-fuse", "exfatprogs"],
    needed: "tests on a disk without extended attributes",
  },
  {
    name: "ntfs-3g",
    isThere: () => command("ntfs-3g")() && command("mkfs.ntfs")(),
    packages: ["ntfs-3g"],
    needed: "tests on a disk with attributes of its own",
  },
  {
    name: "qemu-aarch64-static",
    isThere: () => process.arch === "arm64" || command("qemu-aarch64-static")(),
    packages: ["qemu-user-static"],
    needed: "the arm64 executable",
  },
  {
    name: "arm64 libraries",
    isThere: () => process.arch === "arm64" || existsSync("/usr/lib/aarch64-linux-gnu/libstdc++.so.6"),
    packages: ["libc6:arm64", "libstdc++6:arm64", "libgcc-s1:arm64"],
    needed: "the arm64 executable",
  },
];

/** In this order: what is quick and tells most comes first. A directory that is missing is passed over. */
const GROUPS: readonly { readonly name: string; readonly paths: readonly string[] }[] = [
  { name: "house", paths: ["house.test.ts", "docs.test.ts", "build.test.ts"] },
  { name: "units", paths: ["wire", "crypto", "linux", "engine", "manager"] },
  { name: "commands", paths: ["cli"] },
  { name: "fuzz", paths: ["fuzz"] },
  { name: "end to end", paths: ["e2e"] },
  { name: "other implementations", paths: ["peer"] },
];

/** For tests that say nothing else: what takes two seconds takes ten on a machine with other work. */
const TEST_LIMIT_MS = 30_000;

const counts = { passed: 0, failed: 0, skipped: 0 };
const faults: string[] = [];
const leftOut: string[] = [];

async function main(): Promise<void> {
  provideTools();
  await step("type check", [BUN, "check", "--no-script"]);
  await step("format check", [BUN, "fmt", "--no-script", "--check", ...formatted()]);
  if (await step("build", [BUN, "build.ts"])) {
    for (const { name, paths } of GROUPS) {
      const present = paths.map((path) => join("test", path)).filter(hasTests);
      if (present.length > 0) await runTests(name, present);
    }
  }
  if (IS_CI && counts.skipped > 0) faults.push(`${counts.skipped} tests were skipped, in CI none may be`);
  process.stdout.write(`\n${leftOut.join("")}`);
  for (const fault of faults) process.stdout.write(`FAILED: ${fault}\n`);
  const isFine = counts.failed === 0 && faults.length === 0;
  if (!isFine && counts.failed === 0) counts.failed = faults.length;
  process.stdout.write(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
  process.exit(isFine ? 0 : 1);
}

/** Installs missing tools where that is possible and says what is left out otherwise. */
function provideTools(): void {
  let missing = TOOLS.filter(({ isThere }) => !isThere());
  if (missing.length > 0 && IS_ROOT && existsSync("/etc/debian_version") && Bun.which("apt-get") !== null) {
    install(missing.flatMap(({ packages }) => packages));
    missing = TOOLS.filter(({ isThere }) => !isThere());
  }
  for (const { name, packages, needed } of missing) {
    const hint = `apt-get install ${packages.join(" ")}`;
    if (IS_CI) faults.push(`${name} is missing, needed for ${needed}: ${hint}`);
    else leftOut.push(`left out: ${needed}, because ${name} is missing; as root: ${hint}\n`);
  }
  process.stdout.write(leftOut.join(""));
}

function install(packages: readonly string[]): void {
  process.stdout.write(`installing ${packages.join(" ")}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const apt = (...words: string[]) =>
    Bun.spawnSync(words, { env, stdin: "ignore", stdout: "ignore", stderr: "inherit" }).success;
  if (packages.some((name) => name.endsWith(":arm64"))) apt("dpkg", "--add-architecture", "arm64");
  apt("apt-get", "update", "-qq");
  // A Samba that starts by itself would take port 445 and is not needed.
  const policy = "/usr/sbin/policy-rc.d";
  const isOurs = !existsSync(policy);
  if (isOurs)
    Bun.spawnSync(["sh", "-c", `printf '#!/bin/sh\\nexit 101\\n' > ${policy} && chmod +x ${policy}`]);
  try {
    apt("apt-get", "install", "-y", "-qq", "--no-install-recommends", ...packages);
  } finally {
    if (isOurs) Bun.spawnSync(["rm", "-f", policy]);
  }
}

/** True: the step went well. */
async function step(name: string, words: readonly string[]): Promise<boolean> {
  process.stdout.write(`\n== ${name}\n`);
  const child = Bun.spawn([...words], { cwd: ROOT, stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  const isFine = (await child.exited) === 0;
  if (!isFine) faults.push(name);
  return isFine;
}

async function runTests(name: string, paths: readonly string[]): Promise<void> {
  process.stdout.write(`\n== ${name}: ${paths.join(" ")}\n`);
  const startMs = performance.now();
  const files = paths.map((path) => `./${path}`);
  const child = Bun.spawn([BUN, "test", "--timeout", String(TEST_LIMIT_MS), ...files], {
    cwd: ROOT,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "pipe",
    env: { ...process.env, AGENT: "1", FORCE_COLOR: "0" },
  });
  let report = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stderr) {
    const text = decoder.decode(chunk, { stream: true });
    report += text;
    process.stdout.write(text);
  }
  const status = await child.exited;
  const count = (word: string) => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(report)?.[1] ?? 0);
  counts.passed += count("pass");
  counts.failed += count("fail");
  counts.skipped += count("skip") + count("todo");
  if (status !== 0) faults.push(`${name}: ${paths.join(" ")} (status ${status})`);
  process.stdout.write(`${name}: ${((performance.now() - startMs) / 1000).toFixed(1)} s\n`);
}

function hasTests(path: string): boolean {
  const full = join(ROOT, path);
  if (path.endsWith(".ts")) return existsSync(full);
  return (
    existsSync(full) &&
    readdirSync(full, { recursive: true }).some((name) => String(name).endsWith(".test.ts"))
  );
}

/** What the formatter looks after: our sources, not vectors and lists. */
function formatted(): string[] {
  const ignored = new Set(readFileSync(join(ROOT, ".gitignore"), "utf8").split("\n"));
  const patterns = ["src/**/*.ts", "test/**/*.ts", "*.ts"];
  const found = patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(ROOT)]);
  return [...new Set(found)].filter((path) => !ignored.has(`${path.split("/")[0]}/`)).sort();
}

await main();

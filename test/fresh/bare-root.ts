// A bare Debian in a directory: the packages that dpkg and apt need, Node and npm; mirrors and registry are this machine's.
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { readOutput, runChecked } from "./command.ts";

/** npm as Node 20.19.0 ships it. */
const NPM_VERSION = "10.8.2";
/** The ordinary user of the root. */
export const USER = { name: "somebody", id: 1000 } as const;

/** Accounts that people have: no test may depend on their absence. */
const OTHER_ACCOUNTS = ["tester", "anna", "bob", "guest"];

/** Trust in this machine's network, not programs: without it a proxy that inspects TLS is refused. */
const CERTIFICATES = ["/etc/ssl/certs/ca-certificates.crt", "/usr/local/share/ca-certificates"];

/** The oldest version that `engines` in package.json allows. */
export function oldestNode(checkout: string): string {
  const { engines } = JSON.parse(readFileSync(join(checkout, "package.json"), "utf8")) as {
    engines: { node: string };
  };
  const version = /^>=(\d+\.\d+\.\d+)$/.exec(engines.node)?.[1];
  if (version === undefined) throw new Error(`package.json: engines.node is ${engines.node}, not >=X.Y.Z`);
  return version;
}

/** Lines of sources.list for `suite`, from the mirrors that this machine's apt reads. */
export function findSources(suite: string): string[] {
  const format = "$(REPO_URI)|$(ORIGIN)|$(LABEL)";
  const rows = readOutput(["apt-get", "indextargets", "--format", format, "Created-By: Packages"]).split(
    "\n",
  );
  const mirrorOf = (label: string): string | undefined =>
    rows.map((row) => row.split("|")).find((row) => row[1] === "Debian" && row[2] === label)?.[0];
  const debian = mirrorOf("Debian");
  if (debian === undefined) throw new Error("apt has no package lists of Debian: apt-get update");
  const security = mirrorOf("Debian-Security");
  const lines = [`deb ${debian} ${suite} main`, `deb ${debian} ${suite}-updates main`];
  return security === undefined ? lines : [...lines, `deb ${security} ${suite}-security main`];
}

/** apt's own settings for the network: proxies, certificates, dates that it does not check. */
export function findAptOptions(): string[] {
  const wanted =
    /^(?:Acquire::(?:\w+::)?(?:Proxy|Check-|CaInfo|CaPath|Verify-|ForceIPv4)|Acquire::https?::)/i;
  return readOutput(["apt-config", "dump"])
    .split("\n")
    .filter((line) => wanted.test(line) && !line.endsWith(' "";'));
}

function provideMmdebstrap(): void {
  if (Bun.which("mmdebstrap") !== null) return;
  runChecked(["apt-get", "update", "-qq"]);
  runChecked(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "mmdebstrap"]);
}

/** Makes a Debian with dpkg, apt and `packages` in `path`, which must not exist. Needs Debian and root. */
export function makeDebian(path: string, suite: string, packages: readonly string[]): void {
  provideMmdebstrap();
  const options = findAptOptions().map((line) => `--aptopt=${line}`);
  if (packages.length > 0) options.push(`--include=${packages.join(",")}`);
  runChecked(["mmdebstrap", "--quiet", "--variant=minbase", ...options, suite, path, ...findSources(suite)]);
}

/**
 * Unpacks packages and what they depend on into `path`, which must not exist: no script of theirs is run, so
 * the processor may be another one's.
 */
export function unpackDebian(
  path: string,
  suite: string,
  architecture: string,
  packages: readonly string[],
): void {
  provideMmdebstrap();
  runChecked([
    ...["mmdebstrap", "--quiet", "--mode=root", "--variant=extract", "--skip=check/qemu"],
    ...[`--architectures=${architecture}`, `--include=${packages.join(",")}`],
    ...findAptOptions().map((line) => `--aptopt=${line}`),
    ...[suite, path, ...findSources(suite)],
  ]);
}

/** Makes the root in `path`, which must not exist. Needs Debian and root. */
export function makeBareRoot(path: string, suite: string, node: string): void {
  makeDebian(path, suite, []);
  writeFileSync(join(path, "etc/hosts"), `127.0.0.1 localhost\n127.0.1.1 ${hostname()}\n::1 localhost\n`);
  cpSync("/etc/resolv.conf", join(path, "etc/resolv.conf"), { dereference: true });
  for (const file of new Set([...CERTIFICATES, process.env.NODE_EXTRA_CA_CERTS ?? ""])) {
    if (file === "" || !existsSync(file)) continue;
    mkdirSync(dirname(join(path, file)), { recursive: true });
    cpSync(file, join(path, file), { recursive: true, dereference: true });
  }
  const packages = [`node-linux-${process.arch}@${node}`, `npm@${NPM_VERSION}`];
  const prefix = join(path, "usr/local");
  runChecked(["npm", "install", "--global", "--ignore-scripts", "--silent", "--prefix", prefix, ...packages]);
  runChecked(["chroot", path, "useradd", "--create-home", "--uid", String(USER.id), USER.name]);
  for (const name of OTHER_ACCOUNTS) runChecked(["chroot", path, "useradd", "--create-home", name]);
}

/** The commit of `checkout` in `root`/`home`/minismbd. */
export function cloneInto(root: string, home: string, owner: number, checkout: string, commit: string): void {
  const git = readOutput(["git", "-C", checkout, "rev-parse", "--path-format=absolute", "--git-common-dir"]);
  const clone = join(root, home, "minismbd");
  runChecked(["git", "clone", "--quiet", "--no-hardlinks", "--no-checkout", git.trim(), clone]);
  runChecked(["git", "-C", clone, "checkout", "--quiet", "--detach", commit]);
  runChecked(["chown", "-R", `${owner}:${owner}`, clone]);
}

/** Variables that lead to the network and to npm's registry as on this machine. */
export function networkVariables(): Record<string, string> {
  const taken = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];
  const found: Record<string, string> = {};
  for (const name of [...taken, "NODE_EXTRA_CA_CERTS"]) {
    const value = process.env[name];
    if (value !== undefined) found[name] = value;
  }
  const isSet = (value: string): boolean => value !== "" && value !== "null" && value !== "undefined";
  for (const key of ["registry", "proxy", "https-proxy", "cafile"]) {
    const value = readOutput(["npm", "config", "get", key]).trim();
    if (isSet(value)) found[`npm_config_${key.replace("-", "_")}`] = value;
  }
  return found;
}

// Debian packages from what was built, by dpkg-deb: minismbd for one machine, and minismbd-ksmbd-tools with ksmbd's names.
import {
  chmodSync,
  cpSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";

export const DEB_TARGETS = { amd64: "linux-x64", arm64: "linux-arm64" } as const;
export type DebArchitecture = keyof typeof DEB_TARGETS;

export interface Release {
  /** The repository. */
  readonly root: string;
  readonly version: string;
  /** The package's own number after the version. */
  readonly revision: string;
  /** Seconds since 1970: of all files, so that the same commit gives the same package. */
  readonly time: number;
  /** gzip is for trials: it takes seconds where xz takes minutes. */
  readonly compression: "xz" | "gzip";
}

/** Who makes the package, by the variables that Debian's tools read; debchange(1). */
const { DEBFULLNAME = "The minismbd authors", DEBEMAIL = "minismbd@packages.invalid" } = process.env;
const MAINTAINER = `${DEBFULLNAME} <${DEBEMAIL}>`;
const TOOLS_PACKAGE = "minismbd-ksmbd-tools";
const UNITS = ["minismbd.service", "minismbd-setup.service", "minismbd-setup.path"];
const KSMBD_NAMES = ["mountd", "adduser", "addshare", "control"];
const OVERRIDES = `# The runtime is linked as its makers link it.
minismbd: hardening-no-pie [usr/sbin/minismbd]
minismbd: hardening-no-relro [usr/sbin/minismbd]
# The symbol table of the runtime has 46 KB; strip would move what the executable finds behind it.
minismbd: unstripped-binary-or-object [usr/sbin/minismbd]
minismbd: embedded-library *
# Also for Debian 13, where /lib is /usr/lib.
minismbd: systemd-service-in-odd-location *
# No archive has the package.
minismbd: initial-upload-closes-no-bugs *
`;

/** Writes the .deb of `executable` into `output`; returns its path. */
export function packDeb(
  release: Release,
  architecture: DebArchitecture,
  executable: string,
  output: string,
): string {
  const tree = new Tree(join(output, `.deb-${architecture}-${process.pid}`));
  const { root } = release;
  const files = join(root, "board/debian");
  tree.copy(executable, "usr/sbin/minismbd", 0o755);
  for (const unit of UNITS) {
    const text = readFileSync(join(root, "systemd", unit), "utf8");
    tree.write(`usr/lib/systemd/system/${unit}`, text.replaceAll("/usr/local/sbin/", "/usr/sbin/"));
  }
  tree.copy(join(root, "board/avahi/minismbd.service"), "etc/avahi/services/minismbd.service");
  tree.copy(join(files, "sysusers.conf"), "usr/lib/sysusers.d/minismbd.conf");
  tree.copy(join(files, "ksmbd.conf"), "usr/share/minismbd/ksmbd.conf");
  tree.compress(readFileSync(join(root, "man/minismbd.8")), "usr/share/man/man8/minismbd.8.gz");
  tree.compress(readFileSync(join(root, "man/minismbd.conf.5")), "usr/share/man/man5/minismbd.conf.5.gz");
  tree.copy(join(root, "man/minismbd.bash"), "usr/share/bash-completion/completions/minismbd");
  tree.copy(join(root, "man/_minismbd"), "usr/share/zsh/vendor-completions/_minismbd");
  tree.compress(readFileSync(join(root, "README.md")), "usr/share/doc/minismbd/README.md.gz");
  tree.write("usr/share/lintian/overrides/minismbd", OVERRIDES);
  writeDocuments(tree, release, "minismbd");
  const control = [
    "Package: minismbd",
    `Version: ${fullVersion(release)}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${MAINTAINER}`,
    "Depends: libc6 (>= 2.17), systemd | systemd-standalone-sysusers | systemd-sysusers",
    "Suggests: avahi-daemon, smbclient",
    "Section: net",
    "Priority: optional",
    "Description: SMB2/SMB3 file server for small boxes",
    " Shares folders and attached disks with Windows, macOS, Linux and phones over",
    " SMB 2.0.2 to 3.1.1, signed and encrypted. It reads the configuration and the",
    " password file of ksmbd, and most of what people write into Samba's smb.conf.",
    " Nothing is shared until a share and a user are made.",
  ];
  const scripts = ["postinst", "prerm", "postrm"].map((name) => join(files, name));
  return tree.build(
    control,
    scripts,
    join(output, `minismbd_${fullVersion(release)}_${architecture}.deb`),
    release,
  );
}

/** Writes the .deb with ksmbd-tools' commands as names of the executable; returns its path. */
export function packToolsDeb(release: Release, output: string): string {
  const tree = new Tree(join(output, `.deb-tools-${process.pid}`));
  for (const name of KSMBD_NAMES) {
    tree.link("minismbd", `usr/sbin/ksmbd.${name}`);
    tree.link("minismbd.8.gz", `usr/share/man/man8/ksmbd.${name}.8.gz`);
  }
  const override = `# No archive has the package.\n${TOOLS_PACKAGE}: initial-upload-closes-no-bugs *\n`;
  tree.write(`usr/share/lintian/overrides/${TOOLS_PACKAGE}`, override);
  writeDocuments(tree, release, TOOLS_PACKAGE);
  const control = [
    `Package: ${TOOLS_PACKAGE}`,
    `Version: ${fullVersion(release)}`,
    "Architecture: all",
    `Maintainer: ${MAINTAINER}`,
    `Depends: minismbd (>= ${release.version})`,
    "Conflicts: ksmbd-tools",
    "Replaces: ksmbd-tools",
    "Provides: ksmbd-tools",
    "Section: net",
    "Priority: optional",
    "Description: minismbd under the names of ksmbd's commands",
    " ksmbd.mountd, ksmbd.adduser, ksmbd.addshare and ksmbd.control, with the flags",
    " of ksmbd-tools, for scripts that call them. They run minismbd, not the kernel's",
    " server.",
  ];
  return tree.build(control, [], join(output, `${TOOLS_PACKAGE}_${fullVersion(release)}_all.deb`), release);
}

function fullVersion({ version, revision }: Release): string {
  return `${version}-${revision}`;
}

function writeDocuments(tree: Tree, release: Release, name: string): void {
  const date = new Date(release.time * 1000).toUTCString().replace("GMT", "+0000");
  const entry = `${name} (${fullVersion(release)}) unstable; urgency=medium\n\n  * See README.md.\n\n -- ${MAINTAINER}  ${date}\n`;
  tree.compress(Buffer.from(entry), `usr/share/doc/${name}/changelog.Debian.gz`);
  const licence = readFileSync(join(release.root, "LICENSE"), "utf8").trimEnd();
  const [, , copyright = "", , ...text] = licence.split("\n");
  const body = text.map((line) => ` ${line === "" ? "." : line}`).join("\n");
  const holder = copyright.replace(/^Copyright \(c\) /, "");
  tree.write(
    `usr/share/doc/${name}/copyright`,
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n" +
      `Upstream-Name: minismbd\n\nFiles: *\nCopyright: ${holder}\nLicense: Expat\n\nLicense: Expat\n${body}\n`,
  );
}

/** The files of a package in a directory, which `build` removes. */
class Tree {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
    rmSync(path, { recursive: true, force: true });
    mkdirSync(path, { recursive: true });
  }

  copy(from: string, to: string, mode = 0o644): void {
    cpSync(from, this.make(to));
    chmodSync(join(this.path, to), mode);
  }

  write(to: string, content: string | Uint8Array): void {
    writeFileSync(this.make(to), content, { mode: 0o644 });
  }

  compress(content: Uint8Array, to: string): void {
    this.write(to, gzipSync(content, { level: 9 }));
  }

  link(target: string, to: string): void {
    symlinkSync(target, this.make(to));
  }

  build(
    control: readonly string[],
    scripts: readonly string[],
    output: string,
    { time, compression }: Release,
  ): string {
    const files = [...this.list()];
    const bytes = files.reduce((sum, file) => sum + lstatSync(join(this.path, file)).size, 0);
    const sums = files
      .filter((file) => !lstatSync(join(this.path, file)).isSymbolicLink())
      .map((file) => `${md5(readFileSync(join(this.path, file)))}  ${file}\n`);
    const sized = control.flatMap((line) =>
      line.startsWith("Maintainer:") ? [line, `Installed-Size: ${Math.ceil(bytes / 1024)}`] : [line],
    );
    this.write("DEBIAN/control", `${sized.join("\n")}\n`);
    this.write("DEBIAN/md5sums", sums.join(""));
    const conffiles = files.filter((file) => file.startsWith("etc/")).map((file) => `/${file}\n`);
    if (conffiles.length > 0) this.write("DEBIAN/conffiles", conffiles.join(""));
    for (const script of scripts)
      this.copy(script, `DEBIAN/${script.slice(dirname(script).length + 1)}`, 0o755);
    for (const path of this.list(true)) lutimesSync(join(this.path, path), time, time);
    const result = Bun.spawnSync(
      ["dpkg-deb", "--root-owner-group", `-Z${compression}`, "--build", this.path, output],
      {
        env: { ...process.env, SOURCE_DATE_EPOCH: String(time) },
        stdout: "ignore",
        stderr: "pipe",
      },
    );
    rmSync(this.path, { recursive: true });
    if (!result.success) throw new Error(`dpkg-deb failed: ${result.stderr.toString().trim()}`);
    return output;
  }

  /** The paths of the files, sorted; with `all` those of the directories as well. */
  private *list(all = false, below = ""): Generator<string> {
    for (const entry of readdirSync(join(this.path, below), { withFileTypes: true }).sort(byName)) {
      const path = below === "" ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) yield* this.list(all, path);
      if (all || !entry.isDirectory()) yield path;
    }
  }

  private make(to: string): string {
    const path = join(this.path, to);
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    return path;
  }
}

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1;
}

function md5(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("md5").update(bytes).digest("hex");
}

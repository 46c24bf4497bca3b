// The files for images: what the scripts do in a root of their own, and what shellcheck finds in them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packDeb } from "../../board/debian/deb.ts";
import { findProgram, SEARCH_PATH } from "../tools.ts";

const BOARD = join(import.meta.dir, "../../board");
const MOUNT_DISK = join(BOARD, "images/usb-disks/minismbd-mount-disk");
const has = (program: string): boolean => findProgram(program) !== null;
const base = mkdtempSync(join(tmpdir(), "minismbd-images-"));
afterAll(() => rmSync(base, { recursive: true }));

function run(words: readonly string[], env: Readonly<Record<string, string>> = {}, cwd = base) {
  const options = { env: { PATH: SEARCH_PATH, ...env }, cwd, stdout: "pipe", stderr: "pipe" } as const;
  const { exitCode, stdout, stderr } = Bun.spawnSync([...words], options);
  return { status: exitCode, out: stdout.toString() + stderr.toString() };
}

const SCRIPTS = [
  "pi-gen/prepare.sh",
  "pi-gen/stage-minismbd/prerun.sh",
  "pi-gen/stage-minismbd/00-install/01-run.sh",
  "images/usb-disks/minismbd-mount-disk",
  "openwrt/imagebuilder/files/etc/uci-defaults/99-minismbd",
  "openwrt/run-from-disk.sh",
  "debian/postinst",
  "debian/prerm",
  "debian/postrm",
];

test.skipIf(findProgram("shellcheck") === null)("shellcheck finds nothing in the scripts", () => {
  expect(run(["shellcheck", ...SCRIPTS.map((name) => join(BOARD, name))])).toEqual({ status: 0, out: "" });
});

test("the user-data is a list of commands for cloud-init, which name what the package has", () => {
  const text = readFileSync(join(BOARD, "cloud-init/user-data"), "utf8");
  expect(text).toStartWith("#cloud-config\n");
  const { runcmd } = Bun.YAML.parse(text) as { runcmd: string[][] };
  expect(runcmd.every((words) => words.every((word) => typeof word === "string"))).toBe(true);
  expect(runcmd).toContainEqual([
    "systemctl",
    "enable",
    "--now",
    "minismbd-setup.service",
    "minismbd-setup.path",
  ]);
  for (const file of ["minismbd-mount-disk", "90-minismbd-disks.rules"])
    expect(text).toContain(`/boot/firmware/${file}, `);
});

test("the layer's hooks are of YAML and name the units that the package has", () => {
  const text = readFileSync(join(BOARD, "rpi-image-gen/layer/minismbd.yaml"), "utf8");
  const { mmdebstrap } = Bun.YAML.parse(text) as { mmdebstrap: { "customize-hooks": string[] } };
  const hooks = mmdebstrap["customize-hooks"];
  expect(hooks).toHaveLength(2);
  for (const unit of ["minismbd-setup.service", "minismbd-setup.path"]) {
    expect(hooks[1]).toContain(unit);
    expect(existsSync(join(BOARD, "../systemd", unit))).toBe(true);
  }
  expect(run(["sh", "-n", "-c", hooks[0] ?? ""])).toEqual({ status: 0, out: "" });
});

test.skipIf(!has("dpkg-deb"))(
  "pi-gen's stage installs the package and enables the first start, and no secret is in the image",
  () => {
    const release = {
      root: join(BOARD, ".."),
      version: "1.2.3",
      revision: "4",
      time: 1_700_000_000,
      compression: "gzip",
    } as const;
    const deb = packDeb(release, "arm64", "/bin/true", base);
    const piGen = join(base, "pi-gen");
    const root = join(base, "root");
    for (const path of [piGen, join(root, "etc/udev/rules.d"), join(root, "tmp"), join(root, "etc/ksmbd")])
      mkdirSync(path, { recursive: true });
    expect(run([join(BOARD, "pi-gen/prepare.sh"), piGen, deb])).toEqual({ status: 0, out: "" });
    writeFileSync(join(root, "etc/ksmbd/ksmbd.subauth"), "1:2:3\n");
    // pi-gen exports on_chroot to the scripts.
    const stub = join(base, "stub");
    writeFileSync(
      stub,
      'on_chroot() { cat >"$ROOTFS_DIR/asked"; dpkg-deb -x "$ROOTFS_DIR/tmp/minismbd.deb" "$ROOTFS_DIR"; }\n',
    );
    const script = join(piGen, "stage-minismbd/00-install/01-run.sh");
    const result = run(["bash", "-e", script], { BASH_ENV: stub, ROOTFS_DIR: root }, join(script, ".."));
    expect(result.status).toBe(0);
    expect(readFileSync(join(root, "asked"), "utf8")).toBe(
      "dpkg --install /tmp/minismbd.deb\nsystemctl enable minismbd-setup.service minismbd-setup.path\n",
    );
    expect(existsSync(join(root, "usr/sbin/minismbd"))).toBe(true);
    expect(statSync(join(root, "usr/local/lib/minismbd/mount-disk")).mode & 0o777).toBe(0o755);
    expect(existsSync(join(root, "tmp/minismbd.deb"))).toBe(false);
    expect(existsSync(join(root, "etc/ksmbd/ksmbd.subauth"))).toBe(false);
  },
);

/** lsblk, findmnt and systemd-mount of a board whose system is on the USB disk sda. */
const STUBS = {
  lsblk: `
case "$*" in
*PKNAME*/dev/sda*) echo sda ;;
*PKNAME*/dev/sdb*) echo sdb ;;
*LABEL*) printf '%s\\n' "$LABEL" ;;
*FSTYPE*) echo "$FSTYPE" ;;
esac`,
  findmnt: `
case "$*" in
*--mountpoint\\ /) echo /dev/sda2 ;;
*--mountpoint*) exit 1 ;;
*--fstab*) [ "$FSTAB" = yes ] ;;
*) exit 1 ;;
esac`,
  "systemd-mount": `printf '<%s>' "$@"`,
};

beforeAll(() => {
  mkdirSync(join(base, "bin"));
  for (const [name, text] of Object.entries(STUBS))
    writeFileSync(join(base, "bin", name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
});

function mountDisk(name: string, label: string, type: string, fstab = "no"): string {
  const PATH = `${join(base, "bin")}:${SEARCH_PATH}`;
  return run([MOUNT_DISK, name], { PATH, LABEL: label, FSTYPE: type, FSTAB: fstab }).out;
}

test("a disk is mounted by its label, FAT for the account of users without one", () => {
  expect(mountDisk("sdb1", "Photos", "ext4")).toBe(
    "<--no-block><--collect><--options=nosuid,nodev,noexec,noatime></dev/sdb1></media/Photos-sdb1>",
  );
  expect(mountDisk("sdb1", "Photos", "exfat")).toContain("noatime,uid=minismbd,gid=minismbd,umask=0077>");
});

test("a hostile label stays a name in /media, and one without a letter is left out", () => {
  expect(mountDisk("sdb1", "../../etc; reboot", "ext4")).toEndWith("</media/etcreboot-sdb1>");
  expect(mountDisk("sdb1", "日本 ..", "ext4")).toEndWith("</media/disk-sdb1>");
});

test("a partition of the disk that the system is on, and one of fstab, is not mounted", () => {
  for (const name of ["sda1", "sda2", "sda3"]) expect(mountDisk(name, "rootfs", "ext4")).toBe("");
  expect(mountDisk("sdb1", "Photos", "ext4", "yes")).toBe("");
});

// OpenWrt's service script for ksmbd, run by busybox's shell on the executable under ksmbd's names: start, reload, stop.
// The script and its surroundings below root/ are written after the contract of OpenWrt's package ksmbd-server 3.5.6.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EXECUTABLE } from "../cli/executable.ts";
import { findProgram, SEARCH_PATH } from "../tools.ts";

const ROOT = join(import.meta.dir, "root");
const canRun = process.getuid?.() === 0 && findProgram("busybox") !== null;
let directory: string;

/** Namespaces whose /etc, /usr/sbin, /mnt, /var, /tmp, processes and ports are their own. */
const PREPARE = `
set -e
cd "$WORK"
mkdir -p up/etc work/etc up/sbin work/sbin
mount -t overlay overlay -o "lowerdir=$ROOT/etc:/etc,upperdir=up/etc,workdir=work/etc" /etc
mount -t overlay overlay -o "lowerdir=/usr/sbin,upperdir=up/sbin,workdir=work/sbin" /usr/sbin
touch /usr/sbin/ksmbd.tools
mount --bind "$EXECUTABLE" /usr/sbin/ksmbd.tools
for tool in mountd adduser addshare control; do ln -s ksmbd.tools /usr/sbin/ksmbd.$tool; done
echo openwrt >/etc/openwrt_release
cd /
for place in /mnt /var /tmp; do mount -t tmpfs none $place; done
mount -t proc proc /proc
mkdir -p /var/run /var/lib /var/cache /mnt/first /mnt/second
chmod 777 /mnt/first
ip link set lo up
set +e
wait_for() { i=0; while ! eval "$1"; do i=$((i + 1)); [ $i -gt 100 ] && echo "waited in vain: $1" && return 1; sleep 0.1; done; }
listens() { wait_for 'grep -q ready /tmp/procd.log 2>/dev/null'; }
client() { smbclient --configfile=/dev/null --option='name resolve order=host' "$@" 2>&1; }
`;

function runInside(script: string): string {
  const words = ["--mount", "--net", "--pid", "--fork", "--kill-child", "busybox", "sh"];
  const result = Bun.spawnSync(["unshare", ...words], {
    stdin: Buffer.from(`${PREPARE}${script}\n`),
    env: { PATH: SEARCH_PATH, ROOT, EXECUTABLE, WORK: mkdtempSync(join(directory, "run-")) },
    stdout: "pipe",
    stderr: "pipe",
    timeout: 60_000,
  });
  return result.stdout.toString() + result.stderr.toString();
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "minismbd-openwrt-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test.skipIf(!canRun)("start serves what UCI says, and a guest writes with the rights of force_root", () => {
  const output = runInside(`
/etc/init.d/ksmbd start; echo "start $?"
listens
cat /etc/ksmbd/ksmbd.conf
cat /tmp/ksmbd.lock >/dev/null && echo locked
/etc/init.d/ksmbd running && echo running
echo hello >/tmp/hello
client -N //127.0.0.1/first -c 'put /tmp/hello hello.txt; ls'
stat -c '%U %a' /mnt/first/hello.txt
client -N -L 127.0.0.1
cat /tmp/procd.log`);
  expect(output).toContain("mdns: smb tcp 445 daemon=ksmbd");
  expect(output).toContain("start 0\n");
  expect(output).toContain("\tserver string = Router of  somebody\n");
  expect(output).toContain("[first]\n\tpath = /mnt/first\n\tforce user = root\n");
  expect(output).toContain("locked\nrunning\n");
  expect(output).toMatch(/hello\.txt +A +6 /);
  expect(output).toContain("root 666\n");
  expect(output).toMatch(/first +Disk/);
  expect(output).not.toContain("waited in vain");
});

test.skipIf(!canRun)(
  "a changed UCI file is served after a reload, and stop leaves neither process nor lock",
  () => {
    const output = runInside(`
/etc/init.d/ksmbd start; listens
ksmbd.adduser -a -p secret anna
printf "\\nconfig share\\n\\toption name second\\n\\toption path /mnt/second\\n\\toption users 'anna'\\n" >>/etc/config/ksmbd
mkdir -p /var/run/config
printf "config share\\n\\toption name usb\\n\\toption path /mnt/first\\n\\toption guest_ok yes\\n\\toption read_only yes\\n" >/var/run/config/ksmbd
rm /tmp/procd.log
/etc/init.d/ksmbd reload; echo "reload $?"
listens
client -U anna%secret //127.0.0.1/second -c 'ls' | grep -c blocks
client -U anna%wrong //127.0.0.1/second -c 'ls'
client -N //127.0.0.1/second -c 'ls'
client -N //127.0.0.1/usb -c 'ls; mkdir x'
cat /tmp/procd.log
/etc/init.d/ksmbd stop
[ -e /tmp/ksmbd.lock ] || echo unlocked
pidof ksmbd.mountd || echo gone
/etc/init.d/ksmbd running || echo stopped`);
    expect(output).toContain("reload 0\n1\n");
    expect(output).toContain("NT_STATUS_LOGON_FAILURE");
    expect(output.match(/tree connect failed: NT_STATUS_ACCESS_DENIED/g)).toHaveLength(1);
    expect(output).toMatch(/NT_STATUS_(ACCESS_DENIED|MEDIA_WRITE_PROTECTED) making remote directory/);
    expect(output).toContain("unlocked\ngone\nstopped\n");
    expect(output).not.toContain("waited in vain");
  },
);

test.skipIf(!canRun)(
  "a router of 64 MiB, legacy protocols and guests on IPC$: the lines that the script writes are understood",
  () => {
    const output = runInside(`
sed -i "s/option workgroup 'HOME'/option allow_legacy_protocols 1\\n\\toption allow_guest_ipc 1/" /etc/config/ksmbd
export MEMORY_KB=61440
/etc/init.d/ksmbd start; listens
cat /etc/ksmbd/ksmbd.conf
client -N //127.0.0.1/first -c ls | grep -c blocks
ksmbd.tools testparm -s /etc/ksmbd/ksmbd.conf
cat /tmp/procd.log`);
    expect(output).toContain("smb2 max read = 64K\n");
    expect(output).toContain("server min protocol = NT1\n");
    expect(output).toContain("\n1\n");
    expect(output).not.toContain("is unknown");
    expect(output).not.toContain("waited in vain");
  },
);

test.skipIf(!canRun)("LuCI finds the version where it looks for it", () => {
  const output = runInside("ksmbd.mountd -V");
  expect(/version : (\S+)/.exec(output)?.[1]).toMatch(/^\d+\.\d+\.\d+$/);
});

test.skipIf(!canRun)(
  "a configuration of the administrator's own, in the place of the link, is served as it is",
  () => {
    const output = runInside(`
printf '[own]\\n\\tpath = /mnt/first\\n\\tguest ok = yes\\n[global]\\n\\tmap to guest = bad user\\n' >/etc/ksmbd/ksmbd.conf
/etc/init.d/ksmbd start; listens
client -N //127.0.0.1/own -c ls | grep -c blocks
client -N //127.0.0.1/first -c ls`);
    expect(output).toContain("UCI is not used");
    expect(output).toContain("\n1\n");
    expect(output).toContain("NT_STATUS_BAD_NETWORK_NAME");
  },
);

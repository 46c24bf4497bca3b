// The package for OpenWrt: its contents, and its service script run by busybox's shell in the same surroundings
// as those of ksmbd-tools.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packIpk } from "../../board/openwrt/ipk.ts";
import { EXECUTABLE } from "../cli/executable.ts";
import { SEARCH_PATH } from "../tools.ts";

const ROOT = join(import.meta.dir, "../..");
const STUBS = join(import.meta.dir, "root");
const isRoot = process.getuid?.() === 0;
const directory = mkdtempSync(join(tmpdir(), "minismbd-package-"));
let unpacked = "";

function run(
  words: readonly string[],
  input = "",
  environment: Readonly<Record<string, string>> = {},
): string {
  const result = Bun.spawnSync([...words], {
    stdin: Buffer.from(input),
    env: { PATH: SEARCH_PATH, ...environment },
    stdout: "pipe",
    stderr: "pipe",
    timeout: 60_000,
    // unshare(1) ignores SIGTERM while it waits for its child.
    killSignal: "SIGKILL",
  });
  return result.stdout.toString() + result.stderr.toString();
}

beforeAll(() => {
  const release = {
    root: ROOT,
    version: "1.2.3",
    revision: "4",
    time: 1_700_000_000,
    compression: "gzip",
  } as const;
  const file = packIpk(release, "x86_64", "/bin/true", directory);
  expect(file).toEndWith("minismbd_1.2.3-r4_x86_64.ipk");
  unpacked = join(directory, "unpacked");
  for (const part of ["control", "data"]) mkdirSync(join(unpacked, part), { recursive: true });
  run(["tar", "-C", unpacked, "-xzf", file]);
  for (const part of ["control", "data"])
    run(["tar", "-C", join(unpacked, part), "-xzpf", join(unpacked, `${part}.tar.gz`)]);
});
afterAll(() => rmSync(directory, { recursive: true }));

test("the package has what opkg wants, and takes the place of ksmbd's", () => {
  expect(readFileSync(join(unpacked, "debian-binary"), "utf8")).toBe("2.0\n");
  const control = readFileSync(join(unpacked, "control/control"), "utf8");
  for (const line of [
    "Version: 1.2.3-r4",
    "Architecture: x86_64",
    "Provides: ksmbd-server",
    "Depends: libc, libstdcpp6",
  ])
    expect(control.split("\n")).toContain(line);
  // The machine's SID stays over an upgrade of the system as well.
  expect(readFileSync(join(unpacked, "control/conffiles"), "utf8").split("\n")).toContain(
    "/etc/ksmbd/ksmbd.subauth",
  );
  expect(readFileSync(join(unpacked, "data/lib/upgrade/keep.d/minismbd"), "utf8")).toBe("/etc/ksmbd\n");
  const files = run(["find", join(unpacked, "data"), "-mindepth", "1", "-printf", "%y %m %P\n"]).split("\n");
  for (const line of [
    "f 755 etc/init.d/ksmbd",
    "f 644 etc/config/ksmbd",
    "f 755 usr/sbin/minismbd",
    "l 777 usr/sbin/ksmbd.mountd",
    "f 755 usr/libexec/rpcd/minismbd",
  ])
    expect(files).toContain(line);
});

/** As in init.test.ts, with the package's own files over the stubs. */
const PREPARE = `
set -e
cd "$WORK"
mkdir -p up/etc work/etc up/sbin work/sbin
mount -t overlay overlay -o "lowerdir=$PACKAGE/etc:$STUBS/etc:/etc,upperdir=up/etc,workdir=work/etc" /etc
mount -t overlay overlay -o "lowerdir=/usr/sbin,upperdir=up/sbin,workdir=work/sbin" /usr/sbin
cp -r "$CONTROL" /usr/sbin/package-control
mkdir files /usr/sbin/package-files
ln "$EXECUTABLE" files/minismbd 2>/dev/null || cp "$EXECUTABLE" files/minismbd
mount --bind files /usr/sbin/package-files
CONTROL=/usr/sbin/package-control
touch /usr/sbin/minismbd
mount --bind "$EXECUTABLE" /usr/sbin/minismbd
for tool in mountd adduser addshare control; do ln -sf minismbd /usr/sbin/ksmbd.$tool; done
printf '#!/bin/sh\\nsed -n "s/.*option \${3##*.} .\\\\(.*\\\\)./\\\\1/p" /etc/config/ksmbd | head -n 1\\n' >/usr/sbin/uci
printf '#!/bin/sh\\ncat /tmp/block\\n' >/usr/sbin/block
cp "$STUBS/ujail" /usr/sbin/ujail
chmod 755 /usr/sbin/uci /usr/sbin/block
echo openwrt >/etc/openwrt_release
cd /
for place in /mnt /var /tmp /sys/class/block; do mount -t tmpfs none $place; done
mount -t proc proc /proc
mkdir -p /var/run /var/lib /var/cache /mnt/first /mnt/second
chmod 777 /mnt/first /mnt/second
ip link set lo up
set +e
wait_for() { i=0; while ! eval "$1"; do i=$((i + 1)); [ $i -gt 100 ] && echo "waited in vain: $1" && return 1; sleep 0.1; done; }
listens() { wait_for 'ksmbd.control --list >/dev/null 2>&1'; }
serves() { wait_for "ksmbd.control --list 2>/dev/null | grep -q '$1'"; }
client() { smbclient --configfile=/dev/null --option='name resolve order=host' "$@" 2>&1; }
share() { printf "\\nconfig share\\n\\toption name '%s'\\n\\toption path '%s'\\n" "$1" "$2" >>/etc/config/ksmbd; }
option() { printf "\\toption %s '%s'\\n" "$1" "$2" >>/etc/config/ksmbd; }
`;

function runInside(script: string): string {
  const words = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "busybox", "sh"];
  const work = mkdtempSync(join(directory, "run-"));
  return run(words, `${PREPARE}${script}\n`, {
    PACKAGE: join(unpacked, "data"),
    CONTROL: join(unpacked, "control"),
    STUBS,
    EXECUTABLE,
    WORK: work,
  });
}

test.skipIf(!isRoot)(
  "a new installation shares nothing; what UCI says is served, with every character of its values",
  () => {
    const output = runInside(`
/etc/init.d/ksmbd start; listens
ksmbd.control --list
ksmbd.adduser -a -p secret anna
mkdir '/mnt/first/100% <[{odd}]>; #1 = ?'; chmod 777 '/mnt/first/100% <[{odd}]>; #1 = ?'
share 'Music #1 (100%)' '/mnt/first/100% <[{odd}]>; #1 = ?'; option users anna; option read_only no; option comment 'a; b # c % d'
share "Anna's Mac" /mnt/second; option timemachine 1
share Macs /mnt/second; option users anna; option read_only no; option timemachine 1; option timemachine_maxsize 500
/etc/init.d/ksmbd reload; serves Music
sed -n '/Macs/,$p' /var/etc/ksmbd/smb.conf
echo hello >/tmp/hello
client -U anna%secret '//127.0.0.1/Music #1 (100%)' -c 'put /tmp/hello hello.txt'
cat '/mnt/first/100% <[{odd}]>; #1 = ?/hello.txt'
client -U anna%secret -L 127.0.0.1
client -N '//127.0.0.1/Music #1 (100%)' -c ls
/etc/init.d/ksmbd triggers`);
    expect(output).not.toContain("waited in vain");
    expect(output).toContain("\nhello\n");
    expect(output).toMatch(/Music #1 \(100%\) +Disk +a; b # c % d/);
    expect(output).toContain("\ttime machine = yes\n\ttime machine max size = 500G\n");
    const disks = "dk0=adVN=Anna's Mac,adVF=0x82 dk1=adVN=Macs,adVF=0x82";
    expect(output).toContain(`mdns: adisk tcp 9 sys=waMa=0,adVF=0x100 ${disks}\n`);
    expect(output).toMatch(/NT_STATUS_(ACCESS_DENIED|LOGON_FAILURE)/);
    expect(output).toContain("trigger: dhcp system ksmbd");
    expect(output).toContain("interface trigger: lan");
  },
);

test("the file of capabilities is as ujail reads it, and keeps what the systemd unit keeps", () => {
  const file = join(unpacked, "data/etc/capabilities/minismbd.json");
  const sets: unknown = JSON.parse(readFileSync(file, "utf8"));
  const unit = readFileSync(join(ROOT, "systemd/minismbd.service"), "utf8");
  const kept = /^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(" ");
  expect(sets).toEqual({ bounding: kept, effective: kept, permitted: kept, inheritable: [], ambient: [] });
});

test.skipIf(!isRoot)(
  "the service has the rights of the file alone, serves with users' own ids, and a disk is ejected for it",
  () => {
    const output = runInside(`
echo 'anna:x:4711:4711::/:/bin/false' >>/etc/passwd
share first /mnt/first; option users anna; option read_only no
share disk /mnt/second; option users anna; option read_only no
mkdir -p /sys/class/block/sdx1; mount -t tmpfs -o mode=777 /dev/sdx1 /mnt/second
/etc/init.d/ksmbd start; listens
ksmbd.adduser -a -p secret anna
server="$(cat /tmp/ksmbd.lock)"
grep -E '^(CapBnd|CapEff|CapInh|NoNewPrivs)' /proc/$server/status
echo hello >/tmp/hello
for name in first disk; do client -U anna%secret //127.0.0.1/$name -c 'put /tmp/hello hello.txt'; done
stat -c 'owner %u' /mnt/first/hello.txt
echo '{"path":"/mnt/second"}' | minismbd control --json eject --arguments -
mountpoint -q /mnt/second || echo 'the disk is unmounted'
/etc/init.d/ksmbd stop
wait_for '! kill -0 $server 2>/dev/null' && echo stopped`);
    expect(output).not.toContain("waited in vain");
    expect(output.match(/Cap\w+:\t\w+|NoNewPrivs:\t\d/g)).toEqual([
      "CapInh:\t0000000000000000",
      "CapEff:\t00000000000004df",
      "CapBnd:\t00000000000004df",
      "NoNewPrivs:\t1",
    ]);
    expect(output).toContain("owner 4711\n");
    expect(output).toContain("unmounted, the disk can be taken out");
    expect(output).toContain("the disk is unmounted\nstopped");
  },
);

test.skipIf(!isRoot)("a share and the whole server may be for the clients of some interfaces", () => {
  const output = runInside(`
sed -i "s/option web_port '0'/&\\n\\toption hosts_deny 'interface:eth9'/" /etc/config/ksmbd
share closed /mnt/first; option users anna; option hosts_deny interface:lo
share open /mnt/second; option users anna; printf "\\tlist param 'hosts allow = interface:lo'\\n" >>/etc/config/ksmbd
/etc/init.d/ksmbd start; listens
ksmbd.adduser -a -p secret anna
for name in closed open; do client -U anna%secret "//127.0.0.1/$name" -c ls; done
minismbd testparm -s --dialect samba /var/etc/ksmbd/smb.conf`);
  expect(output).not.toContain("waited in vain");
  expect(output.match(/NT_STATUS_ACCESS_DENIED|blocks available/g)).toEqual([
    "NT_STATUS_ACCESS_DENIED",
    "blocks available",
  ]);
  expect(output).toMatch(
    /hosts deny = interface:eth9[^]*hosts deny = interface:lo[^]*hosts allow = interface:lo/,
  );
  expect(output).toContain("this machine has no interface eth9");
});

test.skipIf(!isRoot)("a reload disconnects nobody, and stop ends the server", () => {
  const output = runInside(`
share first /mnt/first; option users anna; option read_only no
/etc/init.d/ksmbd start; listens
ksmbd.adduser -a -p secret anna
server="$(cat /tmp/ksmbd.lock)"
dd if=/dev/zero of=/tmp/big bs=1M count=8 2>/dev/null
mkfifo /tmp/commands
(client -U anna%secret //127.0.0.1/first </tmp/commands >/tmp/session) &
exec 3>/tmp/commands
echo 'put /tmp/big before' >&3
wait_for '[ -s /mnt/first/before ]'
share second /mnt/second; option guest_ok yes
/etc/init.d/ksmbd reload; serves second
echo 'put /tmp/big after' >&3
echo quit >&3
exec 3>&-
wait_for '[ "$(stat -c %s /mnt/first/after 2>/dev/null)" = 8388608 ]' && echo 'the session went on'
[ "$server" = "$(cat /tmp/ksmbd.lock)" ] && echo 'the same server'
/etc/init.d/ksmbd stop
wait_for '! kill -0 $server 2>/dev/null' && echo stopped`);
  expect(output).not.toContain("waited in vain");
  for (const line of ["the session went on", "the same server", "stopped"]) expect(output).toContain(line);
});

test.skipIf(!isRoot)(
  "disks are shared when they are mounted, and may be written to, if that is wanted",
  () => {
    const output = runInside(`
plug() { mkdir -p "/sys/class/block/$1"; mount -t tmpfs -o mode=755 "/dev/$1" "$2"; }
/etc/init.d/ksmbd start; listens
ksmbd.adduser -a -p secret anna
plug sdx1 /mnt/first
sleep 1; ksmbd.control --list | grep -q sdx1 || echo 'not without the option'
sed -i "s/auto_share '0'/auto_share '1'/" /etc/config/ksmbd
/etc/init.d/ksmbd reload; serves disk-sdx1
client -U anna%secret //127.0.0.1/disk-sdx1 -c 'mkdir refused'
sed -i "s/auto_share_write '0'/auto_share_write '1'/" /etc/config/ksmbd
/etc/init.d/ksmbd reload
wait_for "client -U anna%secret //127.0.0.1/disk-sdx1 -c 'mkdir made' >/dev/null"
[ -d /mnt/first/made ] && [ ! -e /mnt/first/refused ] && echo 'written to then alone'
client -N //127.0.0.1/disk-sdx1 -c ls
plug sdy1 /mnt/second; serves disk-sdy1
umount -l /mnt/first
wait_for '! ksmbd.control --list | grep -q sdx1'
printf "\\nconfig volumes\\n\\toption users 'ben'\\n" >>/etc/config/ksmbd
/etc/init.d/ksmbd reload
wait_for "client -U anna%secret //127.0.0.1/disk-sdy1 -c ls | grep -q ACCESS_DENIED"
cat /var/etc/ksmbd/smb.conf`);
    expect(output).not.toContain("waited in vain");
    for (const line of ["not without the option", "written to then alone"]) expect(output).toContain(line);
    expect(output).toMatch(/NT_STATUS_(ACCESS_DENIED|LOGON_FAILURE)/);
    expect(output).toContain("[volumes]\n\tread only = no\n\tforce user = root\n\tforce group = root");
  },
);

test.skipIf(!isRoot)("a router of 64 MiB gets small requests and a word in the log", () => {
  const output = runInside(`
export MEMORY_KB=61440
/etc/init.d/ksmbd start; listens
cat /var/etc/ksmbd/smb.conf`);
  expect(output).toContain("smb2 max write = 64K");
  expect(output).toContain("this router has 60 MiB of memory; minismbd needs 128");
});

test.skipIf(!isRoot)(
  "an upgrade goes on serving while files are replaced, and then restarts the server that was running",
  () => {
    const output = runInside(`
umount /usr/sbin/minismbd
mkdir /var/files; mount --bind /usr/sbin/package-files /var/files
ln -sf /var/files/minismbd /usr/sbin/minismbd
mkdir /var/up /var/work
mount -t overlay overlay -o lowerdir=/usr/lib,upperdir=/var/up,workdir=/var/work /usr/lib
# As OpenWrt's functions: services are stopped, and started, whether or not it is an upgrade.
printf 'default_prerm() { /etc/init.d/ksmbd stop; }\ndefault_postinst() { /etc/init.d/ksmbd start; }\n' >/lib/functions.sh
/etc/init.d/ksmbd start; listens
first="$(cat /tmp/ksmbd.lock)"
PKG_UPGRADE=1 sh $CONTROL/prerm upgrade 2.0
[ "$first" = "$(cat /tmp/ksmbd.lock)" ] && echo 'served on'
PKG_UPGRADE=1 sh $CONTROL/postinst configure 2.0
[ "$first" = "$(cat /tmp/ksmbd.lock)" ] && echo 'the same files, no restart'
cd /var/files; ln minismbd new; rm minismbd; mv new minismbd; cd /
PKG_UPGRADE=1 sh $CONTROL/postinst configure 2.0; listens
[ "$first" != "$(cat /tmp/ksmbd.lock)" ] && echo 'another server'
readlink /proc/$(cat /tmp/ksmbd.lock)/exe
sh $CONTROL/prerm remove
[ -e /tmp/ksmbd.lock ] || echo 'removed: stopped'`);
    expect(output).not.toContain("waited in vain");
    expect(output).toContain("served on\n");
    expect(output).toContain("no restart\n");
    expect(output).toContain("another server\n/var/files/minismbd\n");
    expect(output).toContain("removed: stopped\n");
  },
);

test.skipIf(!isRoot)("a router without room is told before anything is unpacked", () => {
  const output = runInside(`
for size in 1m 9m; do
  mount -t tmpfs -o size=$size none /usr/local; mkdir -p /usr/local/upper
  sed 's|/overlay|/usr/local|g' $CONTROL/preinst | sh; echo "status $?"
  umount /usr/local
done`);
  expect(output).toMatch(/^minismbd needs 2 MiB of flash, and [01] are free\./m);
  expect(output).toContain("or keep the server on such a disk: sh minismbd-run-from-disk.sh DIRECTORY");
  expect(output.match(/status \d/g)).toEqual(["status 1", "status 0"]);
});

/** What `uci` does to the section that it has just added, on the stub's file. */
const UCI = `cat >/usr/sbin/uci <<'EOT'
#!/bin/sh
text="\${2#*\\].}"
case "$1" in
add) printf '\\nconfig %s\\n' "$3" ;;
set) printf "\\toption %s '%s'\\n" "\${text%%=*}" "\${text#*=}" ;;
add_list) printf "\\tlist %s '%s'\\n" "\${text%%=*}" "\${text#*=}" ;;
esac >>/etc/config/ksmbd
EOT
`;

test.skipIf(!isRoot)(
  "ksmbd.addshare changes nothing beside UCI, and the commands that it prints make the share",
  () => {
    const output = runInside(`
${UCI}
share first /mnt/first; option users anna
/etc/init.d/ksmbd start; listens
ksmbd.adduser -a -p secret anna
ksmbd.addshare -a -o 'path = /mnt/second' -o 'read only = no' -o 'valid users = anna' -o 'max connections = 7' \
  -o "comment = Anna's films" films 2>/tmp/said; echo "status $?"
ls /etc/ksmbd
cat /tmp/said
sed -n 's/^  //p' /tmp/said | sh; serves films
client -U anna%secret //127.0.0.1/films -c 'mkdir made'; ls /mnt/second
client -U anna%secret //127.0.0.1/first -c ls | grep -c blocks
tail -n 7 /var/etc/ksmbd/smb.conf
ksmbd.addshare -d first; echo "status $?"
ksmbd.addshare -a -C /var/etc/ksmbd/smb.conf -o 'path = /mnt/first' x; echo "status $?"
ksmbd.addshare -a -C /etc/ksmbd/ksmbd.conf -o 'path = /mnt/first' x; ls /etc/ksmbd
minismbd control --json add-share --arguments '{"name":"x","parameters":{"path":"/mnt/first"}}'
minismbd control --json configured-shares`);
    expect(output).toContain('{"error":"the configuration is made from UCI: change it in LuCI');
    expect(output).toMatch(/"name":"films",.*"isEditable":false/);
    expect(output).not.toContain("waited in vain");
    expect(output.match(/status 1\n/g)).toHaveLength(3);
    expect(output.match(/ksmbd\.conf\n/g)).toHaveLength(1);
    expect(output).toContain("  uci set 'ksmbd.@share[-1].read_only=no'\n");
    expect(output).toContain("  uci add_list 'ksmbd.@share[-1].param=max connections = 7'\n");
    expect(output).toContain("made\n1\n");
    expect(output).toContain("comment = Anna's films\n");
    expect(output).toContain("look at uci show ksmbd");
  },
);

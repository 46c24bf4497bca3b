# The package in a root with musl and busybox, and nothing else: unpacked as opkg does it, started by its service script,
# used by smbclient. Run by musl.ts as root of a user namespace with a network of its own, behind package/checks.sh. ROOT,
# PACKAGE, STUBS. FOREIGN: under qemu, where unpacking 100 MB takes minutes, this machine's tar does it.

ip link set lo up
for place in dev/null dev/zero dev/random dev/urandom; do : >"$ROOT/$place"; mount --bind "/$place" "$ROOT/$place"; done
mkdir -p "$ROOT/proc" "$ROOT/tmp" "$ROOT/etc/init.d" "$ROOT/mnt/disk" "$ROOT/usr/sbin" "$ROOT/usr/bin"
mount -t proc none "$ROOT/proc"
mount -t tmpfs none "$ROOT/tmp"
mount -t tmpfs none "$ROOT/var"
mkdir "$ROOT/var/run" "$ROOT/var/etc"
echo 'root:x:0:0:root:/root:/bin/ash' >"$ROOT/etc/passwd"
echo 'root:x:0:' >"$ROOT/etc/group"
echo openwrt >"$ROOT/etc/openwrt_release"
chmod 777 "$ROOT/mnt/disk"

within() { chroot "$ROOT" /usr/bin/busybox env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@" 2>&1; }
no_glibc() {
	found="$(find "$ROOT" -xdev \( -name 'ld-linux*' -o -name 'libc.so.6' -o -name 'libc-*' \))"
	echo "$found"
	[ -z "$found" ]
}
musl() { for loader in "$ROOT"/lib/ld-musl-*; do within "${loader#"$ROOT"}"; done; }
unpack() {
	mkdir "$ROOT/tmp/unpacked"
	if [ -n "$FOREIGN" ]; then
		tar -C "$ROOT/tmp/unpacked" -xzf "$PACKAGE" && tar -C "$ROOT" -xzpf "$ROOT/tmp/unpacked/data.tar.gz"
		return
	fi
	cp "$PACKAGE" "$ROOT/tmp/package.ipk"
	within tar -C /tmp/unpacked -xzf /tmp/package.ipk && within tar -C / -xzpf /tmp/unpacked/data.tar.gz
}
start() {
	within /etc/init.d/ksmbd start
	i=0
	until within minismbd control --list >/dev/null; do
		i=$((i + 1))
		[ $i -le 300 ] || { cat "$ROOT/tmp/procd.log"; return 1; }
		sleep 0.2
	done
}
loaded() { grep -o '/[^ ]*\.so[^ ]*' "$ROOT/proc/$(cat "$ROOT/tmp/ksmbd.lock")/maps" | sort -u; }
stop() {
	pid="$(cat "$ROOT/tmp/ksmbd.lock")"
	within /etc/init.d/ksmbd stop
	[ ! -e "$ROOT/tmp/ksmbd.lock" ] && [ ! -e "$ROOT/proc/$pid" ]
}
share() {
	sed -i "s/option web_port.*/option web_port '8443'\n\toption web_admin_users 'anna'/" "$ROOT/etc/config/ksmbd"
	printf "\nconfig share\n\toption name disk\n\toption path /mnt/disk\n\toption users anna\n\toption read_only no\n" >>"$ROOT/etc/config/ksmbd"
	within /etc/init.d/ksmbd reload
	i=0
	until within minismbd control --list | grep -q disk; do i=$((i + 1)); [ $i -le 100 ] || return 1; sleep 0.2; done
}

# OpenWrt's /lib and /bin are no links.
mkdir "$ROOT/lib" "$ROOT/bin" "$ROOT/sbin"
for loader in "$ROOT"/usr/lib/ld-musl-*; do cp -L "$loader" "$ROOT/lib/"; done
chroot "$ROOT" /usr/bin/busybox --install -s /bin
cp "$STUBS/etc/rc.common" "$ROOT/etc/rc.common"
check "nothing in the root is glibc's" no_glibc
check "its C library is musl" says "Version 1.2.5" musl
check "the package's files are unpacked" unpack
check "the executable runs" says "version : " within ksmbd.mountd -V
check "its service starts" start
check "a user is added under ksmbd's name for it" within ksmbd.adduser -a -p secret anna
check "a share of UCI appears after a reload" share
head -c 3000000 /dev/urandom >"$ROOT/tmp/sent"
check "smbclient writes" client disk anna%secret "put $ROOT/tmp/sent data"
check "smbclient reads" client disk anna%secret "get data $ROOT/tmp/got"
check "the same bytes" same "$ROOT/tmp/sent" "$ROOT/tmp/got"
check "they are on the disk" same "$ROOT/tmp/sent" "$ROOT/mnt/disk/data"
check "encrypted as well" says data smbclient --configfile=/dev/null --client-protection=encrypt //127.0.0.1/disk -U anna%secret -c ls
check "a wrong password is refused" says NT_STATUS_LOGON_FAILURE client disk anna%wrong ls
check "status answers" says "port 445" within minismbd status
check "the configuration is valid" within minismbd testparm -s /var/etc/ksmbd/smb.conf
check "the web page answers by TLS" says '<title>minismbd</title>' page 8443
check "its administrator logs on" says 200 page_log_on 8443 anna secret
check "others do not" says 401 page_log_on 8443 anna wrong
pid="$(cat "$ROOT/tmp/ksmbd.lock")"
check "its process is nobody's" says "65534 65534 65534 65534" page_process "$pid" Uid
check "and has no capabilities" says 0000000000000000 page_process "$pid" CapPrm
check "and gains no rights by a program" says 1 page_process "$pid" NoNewPrivs
# qemu's user emulation has no seccomp.
[ -n "$FOREIGN" ] || check "and its system calls are filtered" says 2 page_process "$pid" Seccomp
echo "its libraries: $(loaded | tr '\n' ' ')"
check "the service stops, and leaves no lock" stop
[ -z "$FOREIGN" ] || exit "${FAILED:-0}"

# A router whose flash is too small: the executable on a disk.
from_disk() { within sh /tmp/run-from-disk.sh "$@"; }
not() { ! "$@"; }
serves() { i=0; until within minismbd control --list | grep -q disk; do i=$((i + 1)); [ $i -le 300 ] || return 1; sleep 0.2; done; }
cp "${STUBS%/test/*}/board/openwrt/run-from-disk.sh" "$ROOT/tmp/"
mkdir -p "$ROOT/mnt/usb"
mount -t tmpfs none "$ROOT/mnt/usb"
rm "$ROOT/usr/sbin/minismbd" "$ROOT"/usr/sbin/ksmbd.*
check "without the executable the service says what is missing" says "is missing" within /etc/init.d/ksmbd start
check "a directory in flash is no disk" not from_disk /etc /tmp/package.ipk
check "the executable is put onto a disk" says "runs from /mnt/usb/minismbd" from_disk /mnt/usb /tmp/package.ipk
check "the router's configuration is kept, and served" serves
check "smbclient reads" client disk anna%secret "get data $ROOT/tmp/got2"
check "the same bytes as before" same "$ROOT/tmp/sent" "$ROOT/tmp/got2"
check "the service stops" stop
exit "${FAILED:-0}"

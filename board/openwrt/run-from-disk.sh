#!/bin/sh
# For a router whose flash is too small: keeps minismbd's executable on a USB disk, and everything else, a few kilobytes, in
# flash. Run it again with a newer package for an upgrade. While the disk is out there is no server.
# Usage: sh minismbd-run-from-disk.sh DIRECTORY PACKAGE.ipk
set -eu

fail() {
	echo "minismbd: $1" >&2
	exit 1
}

[ $# -eq 2 ] || fail "usage: sh minismbd-run-from-disk.sh DIRECTORY PACKAGE.ipk, as in /mnt/sda1 minismbd_1.0_x86_64.ipk"
DISK="${1%/}"
PACKAGE="$2"
PLACE="$DISK/minismbd"
[ -f "$PACKAGE" ] || fail "there is no package $PACKAGE"
[ -d "$DISK" ] || fail "there is no directory $DISK"
file_system() { df "$1" | awk 'END { print $1, $NF }'; }
for own in / /overlay /tmp; do
	[ ! -d $own ] || [ "$(file_system "$DISK")" != "$(file_system $own)" ] ||
		fail "$DISK is on the router itself: name a directory of the disk, where it is mounted"
done
[ -e /usr/lib/libstdc++.so.6 ] || fail "libstdc++ is missing: opkg install libstdcpp6"
mkdir -p "$PLACE"
tar -xzOf "$PACKAGE" ./data.tar.gz >"$PLACE/data.tar.gz" || fail "$PACKAGE is no package, or $DISK is full"
tar -xzOf "$PLACE/data.tar.gz" ./usr/sbin/minismbd >"$PLACE/minismbd.new" || fail "$DISK is full"
chmod 755 "$PLACE/minismbd.new"
"$PLACE/minismbd.new" version >/dev/null ||
	fail "programs on $DISK cannot run here: it is mounted with noexec, or the package is for another processor"
mv "$PLACE/minismbd.new" "$PLACE/minismbd"

# The router's configuration stays.
KEPT='^\./usr/sbin/minismbd$'
[ ! -e /etc/config/ksmbd ] || KEPT="$KEPT|^\./etc/config/ksmbd\$"
# shellcheck disable=SC2046 # Names without blanks, one a word.
tar -C / -xzpf "$PLACE/data.tar.gz" $(tar -tzf "$PLACE/data.tar.gz" | grep -v '/$' | grep -Ev "$KEPT")
rm "$PLACE/data.tar.gz"
ln -sf "$PLACE/minismbd" /usr/sbin/minismbd

# The disk may be mounted after the service's turn at start.
mkdir -p /etc/hotplug.d/mount
cat >/etc/hotplug.d/mount/90-minismbd <<'EOF'
[ "$ACTION" = add ] && [ -x /usr/sbin/minismbd ] && /etc/init.d/ksmbd start
EOF
/etc/init.d/ksmbd enable || true
/etc/init.d/ksmbd restart
echo "minismbd runs from $PLACE"

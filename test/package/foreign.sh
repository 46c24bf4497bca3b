# The package in a root of another processor, under qemu: installed, started by hand, used by smbclient, upgraded, purged.
# Run by foreign.ts as root of a user namespace with a network of its own, behind checks.sh. ROOT, ARCHITECTURE.

ip link set lo up
mount --rbind /dev "$ROOT/dev"
mount -t proc none "$ROOT/proc"
mount -t tmpfs none "$ROOT/run"

within() { chroot "$ROOT" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@" 2>&1; }
start() {
	within minismbd serve >"$ROOT/tmp/log" 2>&1 &
	i=0
	until grep -q 'ready on port' "$ROOT/tmp/log"; do
		i=$((i + 1))
		[ $i -le 300 ] || { cat "$ROOT/tmp/log"; return 1; }
		sleep 0.2
	done
}
stop() {
	pid="$(cat "$ROOT/run/ksmbd.lock")"
	kill "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.2; done
}
nothing_left() {
	found="$(find "$ROOT" -xdev \( -name '*minismbd*' -o -path "$ROOT/etc/ksmbd*" \) -not -path "$ROOT/var/log/*" -not -path "$ROOT/var/tmp/*" -not -path "$ROOT/srv/*")"
	echo "$found"
	[ -z "$found" ]
}

check "it is a root of the other processor" says "$ARCHITECTURE" within dpkg --print-architecture
check "the package installs" within dpkg --install /var/tmp/first.deb
check "the account is there" within getent passwd minismbd
check "the first set-up runs" within minismbd setup --directory files=/srv/files
password="$(within minismbd setup --show | sed -n 's/.*Password: //p')"
check "it starts" start
head -c 1000000 /dev/urandom >"$ROOT/tmp/sent"
check "smbclient writes" client files "smb%$password" "put $ROOT/tmp/sent data"
check "smbclient reads" client files "smb%$password" "get data $ROOT/tmp/got"
check "the same bytes" same "$ROOT/tmp/sent" "$ROOT/tmp/got"
check "a wrong password is refused" says NT_STATUS_LOGON_FAILURE client files smb%wrong ls
check "status answers" says smb within minismbd status
printf '[global]\n\tweb port = 8443\n\tweb admin users = smb\n' >>"$ROOT/etc/ksmbd/ksmbd.conf"
check "a reload brings the web page" within minismbd control --reload
check "the web page answers by TLS" says '<title>minismbd</title>' page 8443
check "its administrator logs on" says 200 page_log_on 8443 smb "$password"
pid="$(cat "$ROOT/run/ksmbd.lock")"
own="$(within id -u minismbd-web)"
check "its process has ids of its own" says "$own $own $own $own" page_process "$pid" Uid
check "and no capabilities" says 0000000000000000 page_process "$pid" CapPrm
cp -a "$ROOT/etc/ksmbd" "$ROOT/tmp/before"
check "the machine has a SID" test -s "$ROOT/etc/ksmbd/ksmbd.subauth"
check "the upgrade installs" within dpkg --install /var/tmp/second.deb
check "the server stops" stop
check "and starts again" start
for file in ksmbd.conf ksmbdpwd.db ksmbd.subauth; do
	check "$file is the same" same "$ROOT/tmp/before/$file" "$ROOT/etc/ksmbd/$file"
done
check "it serves" says data client files "smb%$password" ls
stop
check "it is purged" within dpkg --purge minismbd
check "nothing of it is left" nothing_left
check "the shared files are" same "$ROOT/tmp/sent" "$ROOT/srv/files/data"
exit "${FAILED:-0}"

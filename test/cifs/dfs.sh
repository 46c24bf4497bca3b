#!/bin/sh
# The kernel's client and DFS: a mount of a share with `msdfs root` follows a link to a share of another server, which
# is there as well. Needs root, cifs.ko and port 445 of two loopback addresses.
# Usage: dfs.sh MINISMBD
set -eu
minismbd=${1:?usage: dfs.sh MINISMBD}
near=127.99.0.1 far=127.99.0.2
work=$(mktemp -d)
mount=$work/mount
pids=
stop() {
  umount "$mount/away" 2>/dev/null || :
  umount "$mount" 2>/dev/null || :
  for pid in $pids; do kill "$pid"; done
  rm -rf "$work"
}
trap stop EXIT
chmod 755 "$work"
mkdir "$work/root" "$work/files" "$mount"
chmod 777 "$work/root" "$work/files"
ln -s "msdfs:$far\\files" "$work/root/away"
echo here >"$work/root/own"
echo there >"$work/files/other"
chmod 666 "$work/root/own" "$work/files/other"

serve() { # serve ADDRESS SHARE PATH PARAMETER
  printf '[global]\ninterfaces = %s\nbind interfaces only = yes\n[%s]\npath = %s\nread only = no\n%s\n' "$@" >"$work/$2.conf"
  MINISMBD_PASSWORD=secret "$minismbd" serve -C "$work/$2.conf" -P "$work/$2.db" -u daemon >"$work/$2.log" 2>&1 &
  pids="$pids $!"
  for _ in $(seq 200); do
    grep -q ready "$work/$2.log" && return
    sleep 0.1
  done
  cat "$work/$2.log"
  exit 1
}
serve $near tree "$work/root" 'msdfs root = yes'
serve $far files "$work/files" ''

mount -t cifs "//$near/tree" "$mount" -o username=daemon,password=secret,vers=3.1.1
test "$(cat "$mount/own")" = here
test "$(cat "$mount/away/other")" = there
echo new >"$mount/away/made"
test "$(cat "$work/files/made")" = new
mv "$mount/away/made" "$mount/away/moved"
test -f "$work/files/moved"
grep -q "//$near/tree/away .*addr=$far" /proc/mounts
# The link stays what it is.
if rmdir "$mount/away" 2>/dev/null || mv "$mount/own" "$mount/away" -T 2>/dev/null; then exit 1; fi
test -L "$work/root/away"
echo "the kernel's client follows DFS links"

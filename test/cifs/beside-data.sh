#!/bin/sh
# Checks that minismbd reads the metadata that ksmbd stores with files, and the reverse. Run as root in a
# guest with the kernel's client, ksmbd and smbclient, with PEERS (a program that starts and stops servers,
# see --help) and MINISMBD (the executable) set. OURS_SHARE: further parameters of minismbd's share, such as
# "stream form = ksmbd". The results are written to OUT.
#
# Known differences: ksmbd returns the length of a stream's name as its size, has no streams of directories,
# and returns the SID of an owner that it has mapped to a uid.
set -u
here=$(dirname "$(readlink -f "$0")")
share=${SHARE:-/srv/scratch/share} out=${OUT:-/tmp/beside-data} mount=/tmp/beside-data.mount
mkdir -p "$share" "$out" "$mount"
ours() {
    "$PEERS" stop
    printf '[global]\n[data]\n path = %s\n read only = no\n force user = root\n acl = nt\n %s\n' "$share" "${OURS_SHARE:-}" >"$out/conf"
    "$PEERS" start ours 445 "$share" -- sh -c "printf 'rig\nrig\n' | $MINISMBD adduser -C $out/conf -P $out/db -a -p rig rig; exec $MINISMBD serve -C $out/conf -P $out/db -n -p 445"
}
ksmbd() {
    "$PEERS" stop
    PEERS_KSMBD_SHARE="vfs objects = streams_xattr acl_xattr
store dos attributes = yes" "$PEERS" start ksmbd 445 "$share"
}
facts() {
    mount -t cifs //127.0.0.1/data "$mount" -o username=rig,password=rig,vers=3.1.1 || exit 1
    python3 "$here/beside-data.py" "$@"
    umount "$mount"
}
ksmbd; facts write by-ksmbd "$mount"; facts read by-ksmbd "$mount" "$out/ksmbd-ksmbd.json"
ours; facts read by-ksmbd "$mount" "$out/ksmbd-ours.json"; facts write by-ours "$mount"; facts read by-ours "$mount" "$out/ours-ours.json"
ksmbd; facts read by-ours "$mount" "$out/ours-ksmbd.json"
"$PEERS" stop
echo "== written by ksmbd, read by ksmbd and by minismbd"
python3 "$here/beside-data.py" compare "$out/ksmbd-ksmbd.json" "$out/ksmbd-ours.json"
echo "== written by minismbd, read by minismbd and by ksmbd"
python3 "$here/beside-data.py" compare "$out/ours-ours.json" "$out/ours-ksmbd.json"

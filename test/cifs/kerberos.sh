#!/bin/sh
# Mounts minismbd with the kernel's client and Kerberos tickets. Run as root in a guest that has the kernel's client
# (CONFIG_CIFS_UPCALL), cifs-utils, keyutils, MIT Kerberos with its KDC, and nothing on port 445; it changes /etc/hosts
# and /etc/krb5.conf. MINISMBD: the executable; LIFE: seconds that the short ticket lives. Exit status 0: all passed.
#
# Checked: sec=krb5, krb5i and krb5 with seal, each dialect; data written and read back; no mount without a ticket; a
# mount that goes on after its ticket has ended, once there is a new one.
set -u
life=${LIFE:-90}
dir=$(mktemp -d) mount=/tmp/kerberos.mount failed=0
host=nas.home.test realm=HOME.TEST
mkdir -p "$mount" "$dir/share"
chmod 0777 "$dir" "$dir/share"
say() { echo "$(date +%T) $*"; }
pass() { say "PASS $*"; }
fail() { say "FAIL $*"; failed=1; }

grep -q "$host" /etc/hosts || echo "127.0.0.1 $host" >>/etc/hosts
cat >/etc/krb5.conf <<X
[libdefaults]
 default_realm = $realm
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
[realms]
 $realm = {
  kdc = 127.0.0.1:8888
 }
[domain_realm]
 .home.test = $realm
X
cat >"$dir/kdc.conf" <<X
[kdcdefaults]
 kdc_listen = 127.0.0.1:8888
 kdc_tcp_listen = 127.0.0.1:8888
[realms]
 $realm = {
  database_name = $dir/principal
  key_stash_file = $dir/stash
  acl_file = $dir/acl
 }
X
export KRB5_KDC_PROFILE="$dir/kdc.conf" KRB5CCNAME=FILE:/tmp/krb5cc_0
# Where the package's scripts have not run.
[ -e /etc/request-key.conf ] || echo 'create cifs.spnego * * /usr/sbin/cifs.upcall %k' >/etc/request-key.conf
kdb5_util create -r "$realm" -s -P master >/dev/null || exit 1
kadmin.local -r "$realm" addprinc -pw ticket rig >/dev/null
kadmin.local -r "$realm" addprinc -randkey "cifs/$host" >/dev/null
kadmin.local -r "$realm" ktadd -k "$dir/keytab" "cifs/$host" >/dev/null
krb5kdc -n -P "$dir/pid" >"$dir/kdc.log" 2>&1 &
kdc=$!
cat >"$dir/conf" <<X
[global]
 kerberos support = yes
 kerberos keytab file = $dir/keytab
 kerberos clock skew = 5
 ntlm auth = disabled
[test]
 path = $dir/share
 read only = no
X
printf 'rig\nrig\n' | "$MINISMBD" adduser -C "$dir/conf" -P "$dir/db" -a -p rig rig
"$MINISMBD" serve -C "$dir/conf" -P "$dir/db" -n -p 445 >"$dir/log" 2>&1 &
server=$!
for _ in $(seq 300); do grep -q ready "$dir/log" && break; sleep 0.2; done
ticket() { echo ticket | kinit "$@" "rig@$realm" >/dev/null; }
attach() { mount -t cifs "//$host/test" "$mount" -o "cruid=0,$1"; }

# What the kernel's client cannot do must not pass for a fault of the server's.
kdestroy -q 2>/dev/null
if attach sec=krb5,vers=3.1.1 2>/dev/null; then fail "a mount without a ticket"; umount "$mount"; else pass "no mount without a ticket"; fi
keyctl clear @u 2>/dev/null

ticket
dd if=/dev/urandom of="$dir/data" bs=65536 count=32 2>/dev/null
for options in sec=krb5,vers=3.1.1 sec=krb5i,vers=3.1.1 sec=krb5,seal,vers=3.1.1 sec=krb5i,vers=3.0 sec=krb5i,seal,vers=3.0 sec=krb5,vers=2.1 sec=krb5i,vers=2.1; do
    if ! attach "$options"; then fail "mount $options"; continue; fi
    cp "$dir/data" "$mount/data" && sync "$mount/data"
    umount "$mount" && attach "$options"
    if cmp "$dir/data" "$mount/data" && rm "$mount/data"; then pass "$options"; else fail "$options"; fi
    umount "$mount"
done

say "a ticket of $life s"
kdestroy -q
ticket -l "${life}s"
if attach sec=krb5i,vers=3.1.1; then
    cp "$dir/data" "$mount/data"
    before=$(grep -c 'logged on' "$dir/log")
    sleep $((life + 10))
    kdestroy -q
    ticket
    # The client's first request gets NETWORK_SESSION_EXPIRED; it then connects anew with the new ticket.
    if cmp "$dir/data" "$mount/data" && echo more >"$mount/more" && [ "$(cat "$mount/more")" = more ]; then
        pass "the mount goes on with a new ticket"
    else fail "the mount after its ticket"; fi
    after=$(grep -c 'logged on' "$dir/log")
    if [ "$after" -gt "$before" ]; then pass "the client has logged on again"; else fail "no log-on after the ticket"; fi
    umount "$mount"
else fail "mount with a short ticket"; fi

kill "$server" "$kdc"
wait "$server" || fail "the server's exit status"
grep -i 'error' "$dir/log" && fail "the server's log"
[ "$failed" = 0 ] || { tail -60 "$dir/log"; dmesg | tail -30; }
exit "$failed"

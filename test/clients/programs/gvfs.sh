# GNOME's file access (gvfs over libsmbclient), by gio.
at="smb://$SMB_SERVER/share"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
head -c 3000000 /dev/urandom >"$work/data"

step() {
  name="$1"
  shift
  if said="$(timeout 60 "$@" 2>&1)"; then echo "PASS $name"; else echo "FAIL $name: $(echo "$said" | tail -1)"; fi
}

step mount sh -c 'printf "%s\nWORKGROUP\n%s\n" "$SMB_USER" "$SMB_PASSWORD" | gio mount '"$at"
step mkdir gio mkdir "$at/gvfs"
step copy gio copy "$work/data" "$at/gvfs/data"
step back gio copy "$at/gvfs/data" "$work/back"
step same cmp "$work/data" "$work/back"
step info gio info "$at/gvfs/data"
step rename gio rename "$at/gvfs/data" "Grüße"
step list sh -c "test \"\$(gio list '$at/gvfs')\" = Grüße"
step remove gio remove "$at/gvfs/Grüße"
step rmdir gio remove "$at/gvfs"
step unmount gio mount -u "$at"

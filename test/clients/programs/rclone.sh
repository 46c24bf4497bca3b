# rclone's smb backend: copy, check, list, move and purge a tree.
export RCLONE_CONFIG=/dev/null
export RCLONE_CONFIG_BOX_TYPE=smb RCLONE_CONFIG_BOX_HOST="$SMB_SERVER" RCLONE_CONFIG_BOX_USER="$SMB_USER"
RCLONE_CONFIG_BOX_PASS="$(rclone obscure "$SMB_PASSWORD")"
export RCLONE_CONFIG_BOX_PASS
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/from/inner/deeper"
head -c 5000000 /dev/urandom >"$work/from/large"
for i in $(seq 50); do echo "$i" >"$work/from/inner/file $i"; done
echo text >"$work/from/inner/deeper/Grüße.txt"

step() {
  name="$1"
  shift
  if said="$("$@" 2>&1)"; then echo "PASS $name"; else echo "FAIL $name: $(echo "$said" | tail -1)"; fi
}

step copy rclone copy "$work/from" box:share/rclone
step check rclone check --download "$work/from" box:share/rclone
step again rclone sync "$work/from" box:share/rclone
step list sh -c 'test "$(rclone lsf -R --files-only box:share/rclone | wc -l)" = 52'
step size sh -c 'rclone size box:share/rclone | grep -q "Total objects: 52"'
step move rclone moveto box:share/rclone/large box:share/rclone/moved
step cat sh -c 'test "$(rclone cat "box:share/rclone/inner/file 7")" = 7'
step back rclone copy box:share/rclone/inner "$work/back"
step same diff -r "$work/from/inner" "$work/back"
step purge rclone purge box:share/rclone

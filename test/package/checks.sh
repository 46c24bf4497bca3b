# What the scripts of runChecks (foreign.ts) have in common: one line a check on standard output. ROOT.

client() { smbclient --configfile=/dev/null "//127.0.0.1/$1" -U "$2" -c "$3" 2>&1; }
# check TITLE COMMAND...: what the command prints is shown where it fails.
check() {
	title="$1"
	shift
	if "$@" >"$ROOT/tmp/found" 2>&1; then echo "ok    $title"; else
		echo "FAILED $title"
		cat "$ROOT/tmp/found"
		FAILED=1
	fi
}
says() { text="$1"; shift; found="$("$@")"; case "$found" in *"$text"*) return 0 ;; esac; echo "$found"; return 1; }
same() { cmp "$1" "$2"; }

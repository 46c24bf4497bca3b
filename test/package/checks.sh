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
# The web page on a port of this network, by TLS; it opens a moment after the reload.
page() {
	curl --silent --show-error --insecure --max-time 60 --retry 60 --retry-connrefused --retry-delay 1 "https://127.0.0.1:$1/"
}
# page_log_on PORT USER PASSWORD: the status of the answer.
page_log_on() {
	curl --silent --show-error --insecure --max-time 60 --output "$ROOT/tmp/answer" --write-out '%{http_code}' \
		--json "{\"user\":\"$2\",\"password\":\"$3\"}" "https://127.0.0.1:$1/api/v1/session"
}
# page_process SERVER NAME: what status of proc(5) says of the server's first child.
page_process() {
	child="$(cut -d' ' -f1 "$ROOT/proc/$1/task/$1/children")"
	sed -n "s/^$2:[[:space:]]*//p" "$ROOT/proc/$child/status" | tr '\t' ' '
}

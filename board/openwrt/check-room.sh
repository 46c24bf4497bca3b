# Before the package's files are there: says what to do where they do not fit. The check has nothing to do in an image that is
# being built.
if [ -z "$IPKG_INSTROOT" ]; then
	where=/usr/sbin
	[ -d /overlay/upper ] && where=/overlay
	free=$(($(df -k "$where" | awk 'END { print $(NF - 2) }') / 1024))
	case "$(awk -v where="$where" '$2 == where { kind = $3 } END { print kind }' /proc/mounts)" in
	jffs2 | ubifs) needed=@COMPRESSED@ ;;
	*) needed=@NEEDED@ ;;
	esac
	if [ "$free" -lt "$needed" ]; then
		echo "minismbd needs $needed MiB of flash, and $free are free. Either move the router's files to a USB disk (extroot)," >&2
		echo "or keep the server on such a disk: sh minismbd-run-from-disk.sh DIRECTORY PACKAGE.ipk" >&2
		exit 1
	fi
	memory=$(($(awk '/^MemTotal/ { print $2 }' /proc/meminfo) / 1024))
	[ "$memory" -ge 120 ] || echo "minismbd needs 128 MiB of memory to serve several clients; this router has $memory." >&2
fi

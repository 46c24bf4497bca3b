// What OpenWrt's packages contain, in whichever of its two formats: opkg's (ipk.ts) or apk's (apk.ts).
import { chmodSync, cpSync, mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import type { Release } from "../debian/deb.ts";

/** OpenWrt's names of processors, and the executable for each. */
export const OPENWRT_TARGETS = {
  aarch64_generic: "linux-arm64-musl",
  "aarch64_cortex-a53": "linux-arm64-musl",
  "aarch64_cortex-a72": "linux-arm64-musl",
  x86_64: "linux-x64-musl",
} as const;
export type OpenwrtArchitecture = keyof typeof OPENWRT_TARGETS;

const TOOLS = ["mountd", "adduser", "addshare", "control"];

/** rpcd looks for plugins and rights when it starts, LuCI for menus and pages when it has no index of them. */
export const AFTER_INSTALL = `[ -n "$IPKG_INSTROOT" ] || {
	rm -rf /tmp/luci-modulecache /tmp/luci-indexcache*
	[ -x /etc/init.d/rpcd ] && /etc/init.d/rpcd reload
	exit 0
}
`;

/**
 * After an upgrade: the server has gone on serving while its files were replaced, and procd sees no difference.
 * A server that was stopped stays so.
 */
export const AFTER_UPGRADE = `if [ -z "$IPKG_INSTROOT" ] && [ "$PKG_UPGRADE" = 1 ] && [ -e /tmp/ksmbd.lock ]; then
	case "$(readlink "/proc/$(cat /tmp/ksmbd.lock)/exe")" in
	*' (deleted)') /etc/init.d/ksmbd restart ;;
	esac
fi
`;

export interface OpenwrtPackage {
  readonly name: string;
  readonly architecture: OpenwrtArchitecture | "all";
  readonly section: string;
  readonly description: string;
  readonly depends: readonly string[];
  /** Packages in whose place this one is. */
  readonly provides: readonly string[];
  readonly conflicts: readonly string[];
  readonly conffiles: readonly string[];
  /** It goes on serving while it is upgraded; see `AFTER_UPGRADE`. */
  readonly servesOn: boolean;
  /** A shell's lines that end with a status other than 0 where the package would not fit. */
  readonly checks: string;
  /** Puts the package's files below that directory. */
  readonly fill: (data: string) => void;
}

/** File systems that compress: of what they tell, the executable takes less than half. */
const COMPRESSED_SHARE = 0.45;
const MIB = 1024 * 1024;

/** Before the package is unpacked: is there room, and enough memory? apk does not look, opkg does not say what to do. */
function checksFor(executable: string): string {
  const needed = Math.ceil(statSync(executable).size / MIB) + 1;
  const text = readFileSync(join(import.meta.dir, "check-room.sh"), "utf8");
  return text
    .replaceAll("@NEEDED@", String(needed))
    .replaceAll("@COMPRESSED@", String(Math.ceil(needed * COMPRESSED_SHARE)));
}

export function serverPackage(
  release: Release,
  architecture: OpenwrtArchitecture,
  executable: string,
): OpenwrtPackage {
  return {
    name: "minismbd",
    architecture,
    section: "net",
    description: "SMB2/SMB3 file server, in the place of ksmbd",
    depends: ["libc", "libstdcpp6"],
    // All have port 445, the first /etc/init.d/ksmbd and the names of ksmbd's tools as well.
    provides: ["ksmbd-server"],
    conflicts: ["samba4-server"],
    conffiles: [
      "/etc/config/ksmbd",
      "/etc/capabilities/minismbd.json",
      "/etc/ksmbd/ksmbd.conf",
      "/etc/ksmbd/ksmbdpwd.db",
      "/etc/ksmbd/ksmbd.subauth",
    ],
    servesOn: true,
    checks: checksFor(executable),
    fill(data) {
      mkdirSync(join(data, "usr/sbin"), { recursive: true });
      cpSync(join(release.root, "board/openwrt/files"), data, { recursive: true });
      cpSync(executable, join(data, "usr/sbin/minismbd"));
      chmodSync(join(data, "usr/sbin/minismbd"), 0o755);
      mkdirSync(join(data, "etc/ksmbd"));
      for (const name of TOOLS) symlinkSync("minismbd", join(data, `usr/sbin/ksmbd.${name}`));
    },
  };
}

export function luciPackage(release: Release): OpenwrtPackage {
  const app = join(release.root, "board/openwrt/luci-app-minismbd");
  return {
    name: "luci-app-minismbd",
    architecture: "all",
    section: "luci",
    description: "LuCI's pages for the file server minismbd",
    depends: ["libc", "luci-base", "minismbd"],
    provides: [],
    conflicts: [],
    conffiles: [],
    servesOn: false,
    checks: "",
    fill(data) {
      cpSync(join(app, "htdocs"), join(data, "www"), { recursive: true });
      cpSync(join(app, "root"), data, { recursive: true });
    },
  };
}

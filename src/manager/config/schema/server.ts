// Parameters of [global]: the server's name and the addresses it listens on.
import { NO, rowsOf, YES } from "./parameter.ts";

const { choice, flag, integer, text, list } = rowsOf("global");

export const SERVER = [
  text("netbios name", "", "Name of the server, at most 15 characters.", { defaultHelp: "the host's name" }),
  list(
    "netbios aliases",
    "",
    "Other names of the server, accepted as in Samba: the server answers to every name by which a client reaches it.",
  ),
  text("workgroup", "WORKGROUP", "Workgroup; also the domain name that clients see at log-on."),
  text("server string", "SMB SERVER", "Comment beside the server's name in lists."),
  integer(
    "tcp port",
    "445",
    "TCP port to listen on; 0 takes a free one. Further ports may follow: `445 4450`; the first one is announced, and 139, the NetBIOS session service, is not served.",
    {
      aliases: ["smb ports"],
      min: 0,
      max: 65_535,
      reload: "restart",
    },
  ),
  list(
    "interfaces",
    "",
    "Interfaces by name (`*` and `?` allowed), address or ADDRESS/MASK, for `bind interfaces only`.",
    { security: true },
  ),
  flag(
    "bind interfaces only",
    "no",
    "Listen only on the addresses of `interfaces`, as they come and go. While none of them has one, nobody can connect.",
    { security: true },
  ),
  list(
    "hosts allow",
    "",
    "Addresses that may connect: ADDRESS, ADDRESS/BITS, ADDRESS/MASK, a prefix such as `192.168.1.`, ALL, EXCEPT, names of hosts (one without an address admits nobody), and interface:NAME, by the interface that a connection comes in over, for the web page by the address that it went to (an interface that the machine does not have admits nobody). The list of [global] applies to every share, besides the share's own.",
    { scope: "both", aliases: ["allow hosts"], security: true },
  ),
  list(
    "hosts deny",
    "",
    "Addresses that may not connect, as above; a name without an address, and an interface that the machine has not had since the start, keep everybody out; `hosts allow` has priority. With `hosts allow` alone all other addresses are refused.",
    { scope: "both", aliases: ["deny hosts"], security: true },
  ),
  choice(
    "multicast dns register",
    { auto: ["auto"], yes: [...YES], no: [...NO] },
    "auto",
    "Announce the server by multicast DNS, so that macOS, Linux and phones find it: `_smb._tcp`, and the host's name `.local`. Not where another program of the machine (avahi, umdns, systemd-resolved) answers. auto: where the server listens on port 445.",
  ),
  choice(
    "ws discovery",
    { auto: ["auto"], yes: [...YES], no: [...NO] },
    "auto",
    "Announce the server by WS-Discovery, so that Windows' Network folder shows it: UDP port 3702, and TCP port 5357 for the server's description. Not where another program of the machine (wsdd, wsdd2) answers. auto: where the server listens on port 445.",
  ),
  choice(
    "llmnr",
    { auto: ["auto"], yes: [...YES], no: [...NO] },
    "auto",
    "Answer for the server's and the host's name by Link-Local Multicast Name Resolution, UDP port 5355, so that Windows resolves them without a DNS server. Not where another program of the machine (systemd-resolved, wsdd2) answers. auto: where the server listens on port 445.",
  ),
  flag(
    "netbios name service",
    "no",
    "Answer for the server's name and its workgroup by the NetBIOS name service, UDP port 137 over IPv4, for old devices that know no other. Not where another program of the machine (nmbd) answers.",
  ),
  list(
    "volume directories",
    "",
    "With a section [volumes]: disks that are mounted in or below these directories get a share, besides those that are removable or on USB.",
    { defaultHelp: "/media /mnt /run/media", security: true, isForRoot: true },
  ),
  flag(
    "automount disks",
    "no",
    "With a section [volumes]: mount disks that are removable or on USB below /run/minismbd/disks when they are plugged in, and detach them when they are gone; for a machine where nothing else mounts them. The server must run as root, with CAP_SYS_ADMIN; as a service in a mount namespace of its own, as by its systemd unit, it has systemd mount them. Disks are mounted with nosuid, nodev and noexec; files on FAT, exFAT and NTFS belong to the `force user` of [volumes], else to the account minismbd or nobody.",
    { security: true },
  ),
  integer(
    "metrics port",
    "0",
    "TCP port of 127.0.0.1 and ::1 where Prometheus gets the server's numbers, at `/metrics`, by HTTP and without a password: every program on the machine can read them. 0: none.",
    { min: 0, max: 65_535 },
  ),
  integer(
    "web port",
    "0",
    "TCP port of the web page for administrators (`web admin users`), by HTTPS; on loopback addresses by HTTP as well. It listens where the server does (`interfaces`). 0: none.",
    { min: 0, max: 65_535 },
  ),
  list(
    "web admin users",
    "",
    "Users, and groups as @GROUP, who may log on to the web page and administrate shares, users, clients and disks there. In the shares they have the rights of other users, where `admin users` act as root. A comma alone names nobody.",
    { defaultHelp: "those whom `admin users` of [global] names", security: true },
  ),
  text(
    "web certificate",
    "",
    "File with the page's certificate as PEM, those of its issuers behind it; it is read again at a reload. One that cannot be used closes the page.",
    { defaultHelp: "the server makes one, beside the configuration, in ksmbd-web.pem", isForRoot: true },
  ),
  text("web key", "", "File with the key of `web certificate` as PEM, without a passphrase.", {
    defaultHelp: "the file of `web certificate`",
    isForRoot: true,
  }),
  flag(
    "reload on change",
    "no",
    "Read the configuration, the files that it includes and the users' file again when one of them changes, as after SIGHUP.",
  ),
] as const;

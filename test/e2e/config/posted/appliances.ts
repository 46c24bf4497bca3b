// Configurations of media boxes, consoles, routers and appliances; see configurations.ts.
import type { Posted } from "./configurations.ts";
import { effects, CLIENTS, NO_DOMAIN, OWN_USERS, PRINTERS, PROGRAMS, SOCKETS } from "./words.ts";

export const APPLIANCES: readonly Posted[] = [
  {
    name: "a media box where everything is root's, guests included",
    files: {
      "smb.conf": `[global]
  server string = LibreELEC
  workgroup = WORKGROUP
  netbios name = %h
  security = user
  guest account = root
  socket options = TCP_NODELAY IPTOS_LOWDELAY
  use sendfile = yes
  min protocol = SMB2
  map to guest = Bad User
  smb encrypt = disabled
  null passwords = yes
  load printers = no
  printing = bsd
  printcap name = /dev/null
  disable spoolss = yes

[Videos]
  path = DATA/open
  available = yes
  browsable = yes
  public = yes
  writable = yes

[Configfiles]
  path = DATA/private
  available = yes
  browsable = yes
  public = no
  writable = yes
  valid users = games
  force user = root
`,
    },
    says: [
      effects(12, "null passwords", OWN_USERS),
      effects(14, "printing", PRINTERS),
      effects(15, "printcap name", PRINTERS),
      effects(7, "socket options", SOCKETS),
      "warning: smb.conf:6: 'guest account' is root, who may do everything: [Videos] let no guest in, write 'guest account = nobody', or 'force user = root' in a share that is root's for all",
    ],
    access: [
      ["Videos", "games", "write"],
      // A guest is never root here; with 'force user = root' in the share he is.
      ["Videos", "stranger", "refused", "write"],
      ["Videos", "anonymous", "refused", "write"],
      ["Configfiles", "games", "write"],
      ["Configfiles", "news", "refused"],
    ],
  },
  {
    name: "a game console's shares without passwords",
    files: {
      "smb.conf": `[global]
workgroup = WORKGROUP
server string = BATOCERA
security = user
map to guest = bad user
guest account = nobody
wide links = yes
unix extensions = no
follow symlinks = yes
client min protocol = SMB2
max log size = 10

[share]
comment = BATOCERA share directory
path = DATA/open
writeable = yes
guest ok = yes
create mask = 0644
directory mask = 0755
force user = games
veto files = /._*/.DS_Store/
delete veto files = yes
`,
    },
    says: [
      effects(10, "client min protocol", CLIENTS),
      "warning: smb.conf:7: 'wide links' lets clients reach every file on the server that their user may reach",
    ],
    access: [
      ["share", "games", "write"],
      ["share", "stranger", "write"],
      ["share", "anonymous", "write"],
    ],
  },
  {
    name: "a router's firmware with a custom block",
    files: {
      "smb.conf": `[global]
 interfaces = br0
 bind interfaces only = no
 enable core files = no
 deadtime = 30
 smb encrypt = disabled
 min receivefile size = 16384
 workgroup = WORKGROUP
 netbios name = FreshTomato
 server string = FreshTomato samba server
 dos charset = 437
 unix charset = UTF-8
 printing = bsd
 printcap name = /dev/null
 load printers = no
 map archive = no
 map hidden = no
 map read only = no
 map system = no
 store dos attributes = no
 dfree command = /bin/dfree
 strict locking = no
 oplocks = yes
 level2 oplocks = yes
 null passwords = yes
 guest account = nobody
 map to guest = Bad User
 obey pam restrictions = no
 server min protocol = SMB2

[disk]
 path = DATA/open
 comment = whole disk
 writable = yes
 delete readonly = yes
 force user = root
 guest ok = yes

[private]
 path = DATA/games
 writable = yes
 valid users = games
 hide dot files = yes
 browseable = no
`,
    },
    says: [
      "note: smb.conf:11: 'dos charset' has no effect: names are UTF-8 on the disk",
      effects(13, "printing", PRINTERS),
      effects(14, "printcap name", PRINTERS),
      effects(21, "dfree command", PROGRAMS),
      "note: smb.conf:22: 'strict locking' has no effect: byte-range locks are always checked; 'posix locking' shares them with programs on the server",
      effects(25, "null passwords", OWN_USERS),
      "note: smb.conf:35: 'delete readonly' has no effect: rights are those of the disk or of stored descriptors, see 'acl'",
      "note: smb.conf:4: 'enable core files' has no effect: the server keeps no such files",
      effects(7, "min receivefile size", SOCKETS),
    ],
    access: [
      ["disk", "anonymous", "write"],
      ["disk", "games", "write"],
      ["private", "games", "write"],
      ["private", "news", "refused"],
      ["private", "anonymous", "refused"],
    ],
  },
  {
    name: "an appliance with lists per share and its own modules",
    files: {
      "smb.conf": `[global]
	printcap name=cups
	winbind enum groups=yes
	include=DIRECTORY/smb.extra.conf
	workgroup=WORKGROUP
	encrypt passwords=yes
	security=user
	local master=no
	realm=*
	passdb backend=smbpasswd
	printing=cups
	max protocol=SMB3
	winbind enum users=yes
	load printers=yes
	map to guest=never

[photo]
	invalid users=nobody,@guests
	valid users=games,news
	browseable=yes
	writeable=yes
	write list=games
	read list=news
	hide unreadable=yes
	comment="Family photos"
	path=DATA/open
	vfs objects=syno_acl
	skip smb perm=yes
	edit synoacl=yes
`,
      "smb.extra.conf": `[global]
	min protocol=SMB2
`,
    },
    says: [
      effects(10, "passdb backend", OWN_USERS),
      effects(11, "printing", PRINTERS),
      effects(13, "winbind enum users", NO_DOMAIN),
      effects(14, "load printers", PRINTERS),
      effects(2, "printcap name", PRINTERS),
      effects(3, "winbind enum groups", NO_DOMAIN),
      effects(9, "realm", NO_DOMAIN),
      "warning: smb.conf:18: 'invalid users' of [photo]: there is no group 'guests'",
      "warning: smb.conf:27: 'vfs objects' has syno_acl, which is unknown and ignored",
      "warning: smb.conf:28: 'skip smb perm' is unknown and has no effect, take it out",
      "warning: smb.conf:29: 'edit synoacl' is unknown and has no effect, take it out",
    ],
    access: [
      // smbd does not serve a share whose module it lacks.
      ["photo", "games", "write", "absent"],
      ["photo", "news", "read", "absent"],
      ["photo", "anonymous", "refused"],
      ["photo", "stranger", "refused"],
    ],
  },
  {
    name: "a family's server with a file for each person",
    files: {
      "smb.conf": `[global]
   workgroup = HOME
   map to guest = Bad User
   log file = /var/log/samba/log.%m

[common]
   path = DATA/open
   guest ok = yes
   read only = yes

include = DIRECTORY/smb.conf.%U
`,
      "smb.conf.games": `[common]
   read only = no
[mine]
   path = DATA/games
   valid users = games
   read only = no
`,
    },
    says: ["warning: smb.conf.games:2: 'read only' replaces the value at smb.conf:9"],
    access: [
      ["common", "anonymous", "read"],
      ["common", "news", "read"],
      ["common", "games", "write"],
      ["mine", "games", "write"],
      ["mine", "news", "absent"],
    ],
  },
];

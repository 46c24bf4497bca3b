// Configurations that containers and distributions write; see configurations.ts.
import type { Posted } from "./configurations.ts";
import {
  APPLE_DOUBLE,
  effects,
  CLIENTS,
  OWN_USERS,
  PRINTERS,
  PROGRAMS,
  SOCKETS,
  USERSHARES,
} from "./words.ts";

export const CONTAINERS: readonly Posted[] = [
  {
    name: "a container that writes a file from its options",
    files: {
      "smb.conf": `[global]
  workgroup = WORKGROUP
  server string = Docker Samba Server
  server role = standalone server
  server services = -dns, -nbt
  server signing = default
  server multi channel support = yes
  log level = 0
  log file = /dev/stdout
  max log size = 50
  hosts allow = 127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16
  hosts deny = 0.0.0.0/0
  security = user
  guest account = nobody
  pam password change = yes
  map to guest = bad user
  usershare allow guests = yes
  create mask = 0664
  force create mode = 0664
  directory mask = 0775
  force directory mode = 0775
  follow symlinks = yes
  load printers = no
  printing = bsd
  printcap name = /dev/null
  disable spoolss = yes
  strict locking = no
  aio read size = 0
  aio write size = 0
  vfs objects = catia fruit streams_xattr
  client ipc max protocol = SMB3
  client min protocol = SMB2_10
  server max protocol = SMB3
  server min protocol = SMB2_10
  fruit:delete_empty_adfiles = yes
  fruit:time machine = yes
  fruit:veto_appledouble = no
  fruit:wipe_intentionally_left_blank_rfork = yes

[foo]
  comment = foo
  path = DATA/open
  browsable = yes
  guest ok = no
  read only = no
  valid users = games
  write list = games
  veto files = /._*/.DS_Store/
  delete veto files = yes

[public]
  path = DATA/open
  browsable = yes
  guest ok = yes
  read only = yes
`,
    },
    says: [
      effects(15, "pam password change", OWN_USERS),
      effects(17, "usershare allow guests", USERSHARES),
      effects(24, "printing", PRINTERS),
      effects(25, "printcap name", PRINTERS),
      "note: smb.conf:27: 'strict locking' has no effect: byte-range locks are always checked; 'posix locking' shares them with programs on the server",
      effects(31, "client ipc max protocol", CLIENTS),
      effects(32, "client min protocol", CLIENTS),
      effects(35, "fruit:delete_empty_adfiles", APPLE_DOUBLE),
      effects(5, "server services", SOCKETS),
    ],
    access: [
      ["foo", "games", "write"],
      ["foo", "news", "refused"],
      ["foo", "anonymous", "refused"],
      ["public", "news", "read"],
      ["public", "anonymous", "read"],
      ["public", "stranger", "read"],
    ],
  },
  {
    name: "a distribution's default as it is installed",
    files: {
      "smb.conf": `[global]
   workgroup = WORKGROUP
   server string = %h server (Samba, Ubuntu)
   log file = /var/log/samba/log.%m
   max log size = 1000
   logging = file
   panic action = /usr/share/samba/panic-action %d
   server role = standalone server
   obey pam restrictions = yes
   unix password sync = yes
   passwd program = /usr/bin/passwd %u
   passwd chat = *Enter\\snew\\s*\\spassword:* %n\\n *Retype\\snew\\s*\\spassword:* %n\\n *password\\supdated\\ssuccessfully* .
   pam password change = yes
   map to guest = bad user
   usershare allow guests = yes
[printers]
   comment = All Printers
   browseable = no
   path = /var/tmp
   printable = yes
   guest ok = no
   read only = yes
   create mask = 0700
[print$]
   comment = Printer Drivers
   path = DATA/open
   browseable = yes
   read only = yes
   guest ok = no
[sambashare]
    comment = Samba on Ubuntu
    path = DATA/games
    read only = no
    browsable = yes
`,
    },
    says: [
      effects(10, "unix password sync", OWN_USERS),
      effects(11, "passwd program", OWN_USERS),
      effects(12, "passwd chat", OWN_USERS),
      effects(13, "pam password change", OWN_USERS),
      effects(15, "usershare allow guests", USERSHARES),
      effects(20, "printable", PRINTERS),
      "note: smb.conf:6: 'logging' has no effect: log lines always have the server's own form; see 'log level'",
      effects(7, "panic action", PROGRAMS),
      effects(9, "obey pam restrictions", OWN_USERS),
      "warning: smb.conf:16: share [printers] is left out: printers are not served",
    ],
    access: [
      ["sambashare", "games", "write"],
      ["sambashare", "news", "read"],
      ["sambashare", "anonymous", "refused"],
      ["print$", "games", "read"],
    ],
  },
  {
    name: "a router's template with a share of root's",
    files: {
      "smb.conf": `[global]
	netbios name = OpenWrt
	interfaces = lo
	server string = Samba on OpenWRT
	unix charset = UTF-8
	workgroup = WORKGROUP
	bind interfaces only = no
	deadtime = 15
	disable netbios = yes
	disable spoolss = yes
	dns proxy = no
	enable core files = no
	invalid users = root
	local master = no
	map to guest = Bad User
	max protocol = SMB3
	server min protocol = SMB2
	mdns name = mdns
	null passwords = yes
	passdb backend = smbpasswd
	security = user
	smb passwd file = /etc/samba/smbpasswd
	smb encrypt = default
	use sendfile = yes

[mnt]
	path = DATA/private
	create mask = 0666
	directory mask = 0777
	read only = no
	guest ok = yes
	guest only = yes
	force user = root
	force group = root
	veto files = /Thumbs.db/.DS_Store/._.DS_Store/.apdisk/
	delete veto files = yes
`,
    },
    says: [
      "note: smb.conf:12: 'enable core files' has no effect: the server keeps no such files",
      "note: smb.conf:18: 'mdns name' has no effect: multicast DNS announces the host's name, and the server's as that of the service",
      effects(19, "null passwords", OWN_USERS),
      effects(20, "passdb backend", OWN_USERS),
      effects(22, "smb passwd file", OWN_USERS),
    ],
    access: [
      ["mnt", "anonymous", "write"],
      ["mnt", "games", "write"],
      ["mnt", "stranger", "write"],
    ],
  },
  {
    name: "a network disk of a single-board computer, with everything in the share",
    files: {
      "smb.conf": `[global]
workgroup = WORKGROUP
security = user
encrypt passwords = yes
client min protocol = SMB2
client max protocol = SMB3
wins support = no

[PiNAS]
comment = Pi NAS
public = yes
writeable = yes
browsable = yes
path = DATA/games
create mask = 0777
directory mask = 0777
force user = games
force group = games
inherit permissions = yes

[Backup]
path = DATA/news
valid users = @games, news
admin users = news
public = no
writable = yes
printable = no
`,
    },
    says: [effects(5, "client min protocol", CLIENTS), effects(6, "client max protocol", CLIENTS)],
    access: [
      ["PiNAS", "games", "write"],
      ["PiNAS", "news", "write"],
      ["PiNAS", "anonymous", "write"],
      ["PiNAS", "stranger", "refused"],
      ["Backup", "games", "read"],
      ["Backup", "news", "write"],
      ["Backup", "anonymous", "refused"],
    ],
  },
  {
    name: "a disk pool with a recycle bin and quoted paths",
    files: {
      "smb.conf": `[global]
workgroup = WORKGROUP
server string = %h server
log level = 1
socket options = TCP_NODELAY IPTOS_LOWDELAY
security = user
guest account = nobody
map to guest = Bad User
aio read size = 1
aio write size = 1
min receivefile size = 16384
use sendfile = yes

[Pool]
path = "DATA/open/"
guest ok = yes
guest only = yes
read only = yes
browseable = yes
recycle:repository = .recycle/%U
recycle:keeptree = yes
recycle:versions = yes
recycle:touch = yes
recycle:exclude = *.tmp *.temp
recycle:maxsize = 0
vfs objects = recycle
write list = games

[Locked]
path = DATA/open
guest ok = no
read only = yes
write list = @games
invalid users = news
`,
    },
    says: [
      effects(10, "aio write size", SOCKETS),
      effects(11, "min receivefile size", SOCKETS),
      effects(5, "socket options", SOCKETS),
      effects(9, "aio read size", SOCKETS),
    ],
    access: [
      ["Pool", "anonymous", "read"],
      // With 'guest only' this server compares the lists with the guest's name, smbd the write list with the user's.
      ["Pool", "games", "read", "write"],
      ["Locked", "games", "write"],
      ["Locked", "news", "refused"],
    ],
  },
];

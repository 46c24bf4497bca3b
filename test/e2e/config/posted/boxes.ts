// Configurations of routers, single-board computers and containers; see configurations.ts.
import type { Posted } from "./configurations.ts";
import { effects, OWN_USERS, SOCKETS, USERSHARES, NAMES } from "./words.ts";

export const BOXES: readonly Posted[] = [
  {
    name: "a router's shared disk, for guests",
    files: {
      "smb.conf": `[global]
	netbios name = router
	workgroup = WORKGROUP
	server string = Samba on a router
	deadtime = 15
	enable core files = no
	map to guest = Bad User
	max protocol = SMB3
	min receivefile size = 16384
	null passwords = yes
	security = user
	server min protocol = SMB2
	use sendfile = yes

[disk]
	path = DATA/open
	create mask = 0666
	directory mask = 0777
	read only = no
	guest ok = yes
`,
    },
    says: [
      "note: smb.conf:6: 'enable core files' has no effect: the server keeps no such files",
      effects(9, "min receivefile size", SOCKETS),
      effects(10, "null passwords", OWN_USERS),
    ],
    access: [
      ["disk", "games", "write"],
      ["disk", "stranger", "write"],
      ["disk", "anonymous", "write"],
    ],
  },
  {
    name: "a tutorial for a single-board computer",
    files: {
      "smb.conf": `[global]
   workgroup = WORKGROUP
   wins support = yes
   log file = /var/log/samba/log.%m
   max log size = 1000

[home]
   comment = The folder of games
   path = DATA/games
   browseable = Yes
   writeable = Yes
   only guest = no
   create mask = 0777
   directory mask = 0777
   public = no

[usb]
   path = DATA/open
   valid users = games
   read only = no
`,
    },
    says: [effects(3, "wins support", NAMES)],
    access: [
      ["home", "games", "write"],
      ["home", "news", "read"],
      ["home", "anonymous", "refused"],
      ["usb", "games", "write"],
      ["usb", "news", "refused"],
      ["usb", "stranger", "refused"],
    ],
  },
  {
    name: "a target for Time Machine",
    files: {
      "smb.conf": `[global]
   min protocol = SMB2
   ea support = yes
   vfs objects = catia fruit streams_xattr
   fruit:metadata = stream
   fruit:model = MacSamba
   fruit:posix_rename = yes
   fruit:veto_appledouble = no

[backup]
   path = DATA/games
   valid users = games
   writable = yes
   durable handles = yes
   kernel oplocks = no
   kernel share modes = no
   posix locking = no
   fruit:time machine max size = 500G
`,
    },
    says: ["warning: smb.conf:14: 'durable handles' has no effect in a share, write it in [global]"],
    access: [
      ["backup", "games", "write"],
      ["backup", "news", "refused"],
      ["backup", "stranger", "refused"],
    ],
  },
  {
    name: "a container with one forced user",
    files: {
      "smb.conf": `[global]
   workgroup = MYGROUP
   server string = Samba Server
   server role = standalone server
   dns proxy = no
   pam password change = yes
   map to guest = bad user
   usershare allow guests = yes
   create mask = 0664
   force create mode = 0664
   directory mask = 0775
   force directory mode = 0775
   force user = games
   follow symlinks = yes
   load printers = no
   printing = bsd
   printcap name = /dev/null
   strict locking = no
   aio read size = 0
   vfs objects = catia fruit recycle streams_xattr
   recycle:keeptree = yes
   recycle:maxsize = 0
   recycle:repository = .deleted
   recycle:versions = yes

[public]
   path = DATA/games
   browsable = yes
   read only = no
   guest ok = yes
   veto files = /.apdisk/.DS_Store/.TemporaryItems/.Trashes/desktop.ini/
   delete veto files = yes

[mine]
   path = DATA/games
   read only = no
   guest ok = no
   valid users = news
`,
    },
    says: [
      effects(6, "pam password change", OWN_USERS),
      effects(8, "usershare allow guests", USERSHARES),
      effects(16, "printing", "printers are not served"),
      effects(17, "printcap name", "printers are not served"),
      effects(
        18,
        "strict locking",
        "byte-range locks are always checked; 'posix locking' shares them with programs on the server",
      ),
    ],
    access: [
      ["public", "games", "write"],
      ["public", "news", "write"],
      ["public", "stranger", "write"],
      ["mine", "news", "write"],
      ["mine", "games", "refused"],
      ["mine", "stranger", "refused"],
    ],
  },
  {
    name: "a container with lists of users",
    files: {
      "smb.conf": `[global]
workgroup = WORKGROUP
server string = %h
server min protocol = SMB2_10
security = user
map to guest = Bad User
idmap config * : backend = tdb
socket options = TCP_NODELAY
wide links = yes
unix extensions = no
hide unreadable = yes
unix password sync = no

[foo]
path = DATA/open
browsable = yes
read only = yes
guest ok = no
valid users = games news
write list = games
veto files = /._*/.DS_Store/
delete veto files = yes

[public]
path = DATA/open
guest ok = yes
read only = yes
`,
    },
    says: [
      effects(7, "idmap config * : backend", "the server belongs to no domain"),
      effects(8, "socket options", SOCKETS),
      "warning: smb.conf:9: 'wide links' lets clients reach every file on the server that their user may reach",
    ],
    access: [
      ["foo", "games", "write"],
      ["foo", "news", "read"],
      ["foo", "stranger", "refused"],
      ["public", "stranger", "read"],
      ["public", "games", "read"],
    ],
  },
  {
    name: "an add-on of home automation",
    files: {
      "smb.conf": `[global]
   netbios name = home
   workgroup = WORKGROUP
   security = user
   ntlm auth = no
   load printers = no
   disable spoolss = yes
   hosts allow = 127.0.0.1 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fe80::/10
   mangled names = no
   dos charset = CP850
   unix charset = UTF-8

[config]
   browseable = yes
   writeable = yes
   path = DATA/private
   valid users = games
   force user = root
   force group = root
   veto files = /._*/.DS_Store/Thumbs.db/icon?/.Trashes/
   delete veto files = yes
`,
    },
    says: [effects(10, "dos charset", "names are UTF-8 on the disk")],
    access: [
      ["config", "games", "write"],
      ["config", "news", "refused"],
      ["config", "anonymous", "refused"],
    ],
  },
];

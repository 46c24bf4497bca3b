// Configurations of storage distributions, desktops and old tutorials; see configurations.ts.
import type { Posted } from "./configurations.ts";
import { effects, OWN_USERS, SOCKETS, USERSHARES, NAMES, NO_DOMAIN, PROGRAMS, ALLOCATES } from "./words.ts";

export const STORAGE: readonly Posted[] = [
  {
    name: "a storage distribution with quoted lists",
    files: {
      "smb.conf": `[global]
workgroup = WORKGROUP
server string = %h server
dns proxy = no
log level = 0
syslog = 0
log file = /var/log/samba/log.%m
max log size = 1000
panic action = /usr/share/samba/panic-action %d
encrypt passwords = true
passdb backend = tdbsam
obey pam restrictions = no
unix password sync = no
passwd program = /usr/bin/passwd %u
pam password change = yes
socket options = TCP_NODELAY IPTOS_LOWDELAY
guest account = nobody
load printers = no
disable spoolss = yes
create mask = 0777
directory mask = 0777
use sendfile = yes
local master = yes
time server = no
wins support = no

[Films]
path = DATA/open/
guest ok = no
guest only = no
read only = no
browseable = yes
inherit acls = yes
inherit permissions = no
ea support = no
store dos attributes = no
printable = no
create mask = 0664
force create mode = 0664
directory mask = 0775
force directory mode = 0775
hide special files = yes
follow symlinks = yes
hide dot files = yes
valid users = "games","news"
invalid users =
read list = "news"
write list = "games"
`,
    },
    says: [
      effects(9, "panic action", PROGRAMS),
      effects(11, "passdb backend", OWN_USERS),
      effects(14, "passwd program", OWN_USERS),
      effects(15, "pam password change", OWN_USERS),
      effects(16, "socket options", SOCKETS),
      effects(23, "local master", NAMES),
      "warning: smb.conf:46: 'invalid users' names nothing and has no effect, give a value or take it out",
    ],
    access: [
      ["films", "games", "write"],
      ["Films", "news", "read"],
      ["Films", "stranger", "refused"],
    ],
  },
  {
    name: "a personal cloud that includes its shares",
    files: {
      "smb.conf": `[global]
   workgroup = WORKGROUP
   log file = /var/log/samba/log.%m
   logging = file
   server role = standalone server
   map to guest = bad user
   include = DIRECTORY/cloud/shares.conf
`,
      "cloud/shares.conf": `[Data]
comment = shared folder
public = Yes
path = DATA/private
browseable = Yes
read only = No
guest ok = Yes
create mask = 0777
directory mask = 0777
force user = root
`,
    },
    says: [effects(4, "logging", "log lines always have the server's own form; see 'log level'")],
    access: [
      ["Data", "games", "write"],
      ["Data", "stranger", "write"],
      ["Data", "anonymous", "write"],
    ],
  },
  {
    name: "a distribution's default with its homes switched on",
    files: {
      "smb.conf": `[global]
   workgroup = WORKGROUP
   server string = %h server (Samba, Ubuntu)
;   interfaces = 127.0.0.0/8 eth0
   max log size = 1000
   logging = file
   panic action = /usr/share/samba/panic-action %d
   server role = standalone server
   obey pam restrictions = yes
   unix password sync = yes
   passwd program = /usr/bin/passwd %u
   passwd chat = *Enter\\snew\\s*\\spassword:* %n\\n *Retype\\snew\\s*\\spassword:* %n\\n
   pam password change = yes
   map to guest = bad user
;   include = /home/samba/etc/smb.conf.%m
   usershare allow guests = yes
[homes]
   comment = Home Directories
   path = DATA/%S
   browseable = no
   read only = no
   create mask = 0700
   directory mask = 0700
   valid users = %S
[printers]
   comment = All Printers
   browseable = no
   path = /var/spool/samba
   printable = yes
   guest ok = no
   read only = yes
   create mask = 0700
`,
    },
    says: [
      effects(6, "logging", "log lines always have the server's own form; see 'log level'"),
      effects(7, "panic action", PROGRAMS),
      effects(9, "obey pam restrictions", OWN_USERS),
      effects(10, "unix password sync", OWN_USERS),
      effects(11, "passwd program", OWN_USERS),
      effects(12, "passwd chat", OWN_USERS),
      effects(13, "pam password change", OWN_USERS),
      effects(16, "usershare allow guests", USERSHARES),
      effects(29, "printable", "printers are not served"),
      "warning: smb.conf:25: share [printers] is left out: printers are not served",
    ],
    access: [
      ["games", "games", "write"],
      ["games", "news", "refused"],
      ["homes", "games", "write"],
      ["games", "stranger", "refused"],
      ["nobody-of-this-name", "games", "absent"],
    ],
  },
  {
    name: "guests read, one user writes",
    files: {
      "smb.conf": `[global]
   map to guest = Bad User
   guest account = nobody
   usershare max shares = 0
   bind interfaces only = no

[media]
   path = DATA/open
   guest ok = yes
   read only = yes
   write list = games

[dropbox]
   path = DATA/open
   guest ok = yes
   guest only = yes
   writable = yes
   force user = nobody
   force group = nogroup
`,
    },
    says: [],
    access: [
      ["media", "games", "write"],
      ["media", "news", "read"],
      ["media", "stranger", "read"],
      ["media", "anonymous", "read"],
      ["dropbox", "games", "write"],
      ["dropbox", "stranger", "write"],
    ],
  },
  {
    name: "shares that copy a template",
    files: {
      "smb.conf": `workgroup = OFFICE
[global]
   hosts allow = 127. \\
                 192.168.1.
   strict allocate = yes
   winbind use default domain = yes

[template]
   available = no
   browseable = no
   valid users = @games, \\
      @news
   create mask = 0640
   read only = no

[games]
   copy = template
   path = DATA/open
   available = yes
   valid users = @games

[all]
   copy = template
   path = DATA/open
   available = yes
   read list = news
`,
    },
    says: [effects(5, "strict allocate", ALLOCATES), effects(6, "winbind use default domain", NO_DOMAIN)],
    access: [
      ["template", "games", "absent"],
      ["games", "games", "write"],
      ["games", "news", "refused"],
      ["all", "games", "write"],
      ["all", "news", "read"],
    ],
  },
  {
    name: "an old file with hosts, public and writable in every spelling",
    files: {
      "smb.conf": `[global]
   workgroup = HOME
   netbios name = OLDBOX
   netbios aliases = NAS FILES
   security = USER
   guest account = nobody
   map to guest = bad user
   preferred master = no
   name resolve order = lmhosts wins bcast host
   server signing = auto
   smb encrypt = auto
   dead time = 10

[closed]
   directory = DATA/open
   public = yes
   writable = yes
   hosts deny = ALL
   hosts allow = 10.

[near]
   directory = DATA/open
   public = yes
   write ok = yes
   allow hosts = localhost, 10.

[team]
   directory = DATA/open
   writable = yes
   valid users = games
   admin users = games
   invalid users = news
   max connections = 5
`,
    },
    says: [effects(9, "name resolve order", NAMES)],
    access: [
      ["closed", "games", "refused"],
      ["closed", "stranger", "refused"],
      ["near", "games", "write"],
      ["near", "stranger", "write"],
      ["team", "games", "write"],
      ["team", "news", "refused"],
      ["team", "stranger", "refused"],
    ],
  },
];

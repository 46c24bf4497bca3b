// Parameters of shares. In [global] they give the default of all shares.
import { NO, rowsOf, YES } from "./parameter.ts";

const { text: globalText } = rowsOf("global");
const { flag, integer, size, mode, text, list, patterns, choice } = rowsOf("share");

export const SHARE = [
  globalText("root directory", "", "Prefix of every share's path.", {
    aliases: ["root", "root dir"],
    security: true,
    isForRoot: true,
  }),
  text("path", "", "Absolute path of the directory to share.", {
    aliases: ["directory"],
    security: true,
  }),
  text(
    "disk",
    "",
    "The share is on this disk, wherever it is mounted: UUID=... or LABEL=..., as in fstab(5). `path`, if it is set, is below the root of the disk. Without the disk there is no such share. A label can be on any disk, a UUID is one disk's.",
    { security: true },
  ),
  text("comment", "", "Text beside the share's name in lists."),
  flag("available", "yes", "no: the share does not exist for clients.", { security: true }),
  flag("-valid", "yes", "no: the share does not exist for clients; the same as `available = no`.", {
    security: true,
  }),
  flag("browseable", "yes", "The share appears in lists.", { aliases: ["browsable"], security: true }),
  flag("read only", "yes", "Clients cannot change anything in the share.", {
    inverse: ["writable", "writeable", "write ok"],
    security: true,
  }),
  flag(
    "guest ok",
    "no",
    "Guests and anonymous sessions may connect, unless `valid users` is set and lacks the guest account.",
    { aliases: ["public"], security: true },
  ),
  flag("guest only", "no", "With `guest ok`: every user connects as the guest, whatever his name.", {
    aliases: ["only guest"],
    security: true,
  }),
  flag("access based share enum", "no", "Lists show the share only to users who may connect to it."),
  list(
    "valid users",
    "",
    "Users, and `@group`s of /etc/group, who may connect, and nobody else; empty: all. A list that expands to no user admits nobody.",
    { security: true },
  ),
  list("invalid users", "", "Users who may not connect, whatever the other lists say.", { security: true }),
  list("read list", "", "Users who may connect but never change anything.", { security: true }),
  list("write list", "", "Users who may connect and change things even if the share is read only.", {
    security: true,
  }),
  list(
    "admin users",
    "",
    "Users who act as root: the rights on the disk and stored descriptors do not bind them. Those named in [global] also see the sessions and open files of others, and may end them, with Windows' and Samba's tools.",
    {
      security: true,
    },
  ),
  text("force user", "", "All file access runs as this user, with this user's groups.", {
    security: true,
  }),
  text("force group", "", "File access runs with this primary group.", {
    aliases: ["group"],
    security: true,
  }),
  mode("create mask", "0744", "Mode bits that a new file may have.", {
    aliases: ["create mode"],
    security: true,
  }),
  mode("directory mask", "0755", "Mode bits that a new directory may have.", {
    aliases: ["directory mode"],
    security: true,
  }),
  mode("force create mode", "0000", "Mode bits that a new file always has.", { security: true }),
  mode("force directory mode", "0000", "Mode bits that a new directory always has.", { security: true }),
  choice(
    "inherit owner",
    { no: NO, both: [...YES, "windows and unix"], unix: ["unix only"] },
    "no",
    "New files belong to the owner of their directory. unix only: on the disk; stored descriptors name the creator.",
    { security: true },
  ),
  choice(
    "acl",
    { posix: ["posix"], nt: ["nt", "ntfs", "windows"] },
    "posix",
    "Which access rights count. posix: those on the disk, which clients see and change as security descriptors. nt: descriptors are stored as clients set them (`security.NTACL`, like Samba's acl_xattr and ksmbd), inherited and checked, and mapped to the rights on the disk, which count as well. `vfs objects = acl_xattr` means nt.",
    { security: true },
  ),
  flag(
    "acl_xattr:ignore system acls",
    "no",
    "With `acl = nt`: stored descriptors count whatever the rights on the disk are, and are not mapped to them.",
    { security: true },
  ),
  flag("nt acl support", "yes", "Clients may change owners and rights.", { security: true }),
  flag("dos filemode", "no", "With `acl = posix`: users who may write a file may also change its rights.", {
    security: true,
  }),
  flag(
    "inherit permissions",
    "no",
    "New files and directories get the mode of their directory instead of the masks and forced modes; files do not get its execute bits.",
    { security: true },
  ),
  flag(
    "inherit acls",
    "yes",
    "Where a directory has a default POSIX ACL (inheritable rights create one), that ACL alone decides the mode of new files; no: `create mask` may reduce it.",
    { security: true },
  ),
  flag("hide dot files", "yes", "Names that begin with a dot have the attribute hidden."),
  patterns(
    "veto files",
    "",
    "Names that clients can neither see nor open: `/PATTERN/PATTERN/`, with `*` and `?`.",
    { security: true },
  ),
  flag(
    "follow symlinks",
    "no",
    "Follow symbolic links that stay below the share's path. In smb.conf the default is yes.",
    {
      sambaDefault: "yes",
      security: true,
    },
  ),
  flag(
    "wide links",
    "no",
    "With `follow symlinks`: also follow links that lead out of the share. No effect together with `smb3 unix extensions`.",
    { security: true, isForRoot: true },
  ),
  flag("allow insecure wide links", "no", "Allow `wide links` together with `smb3 unix extensions`.", {
    security: true,
    isForRoot: true,
  }),
  flag(
    "msdfs root",
    "no",
    "Symbolic links to `msdfs:SERVER\\SHARE`, which programs on the server make, lead clients to that share; `,SERVER\\SHARE` names further ones with the same files.",
    { security: true },
  ),
  text(
    "msdfs proxy",
    "",
    "`\\SERVER\\SHARE[,\\SERVER\\SHARE]`: clients of this share are led to that one, or to the first that they reach. The share needs no path.",
    { security: true },
  ),
  flag(
    "msdfs shuffle referrals",
    "no",
    "Clients get the targets of a link in random order instead of the one they are written in.",
  ),
  flag("crossmnt", "yes", "File systems mounted below the path are part of the share.", { security: true }),
  choice(
    "case sensitive",
    { no: [...NO, "auto"], yes: YES },
    "no",
    "Names that differ by case are different names.",
    { aliases: ["casesignames"] },
  ),
  flag(
    "store dos attributes",
    "yes",
    "Store hidden, system, archive and creation time in the extended attribute user.DOSATTRIB.",
  ),
  flag(
    "streams",
    "yes",
    "Alternate data streams (macOS's Finder data, Windows' marks of downloads), stored in user.DosStream.* attributes, or in .minismbd of the folder where the disk has no room for a stream there (ext4: about 4 KiB a file). Samba does not see the latter, and its `delete veto files` with `veto files = /.minismbd/` lets it remove such folders.",
  ),
  choice(
    "map archive",
    { auto: ["auto"], yes: YES, no: NO },
    "auto",
    "Where no attributes are stored, the owner's execute bit is the attribute archive; `auto`: every file has it.",
  ),
  flag(
    "map hidden",
    "no",
    "Where no attributes are stored, the others' execute bit is the attribute hidden.",
  ),
  flag(
    "map system",
    "no",
    "Where no attributes are stored, the group's execute bit is the attribute system.",
  ),
  flag(
    "map readonly",
    "yes",
    "Where no attributes are stored, a file that its owner may not write is read-only.",
  ),
  choice(
    "stream form",
    { samba: ["samba"], ksmbd: ["ksmbd"] },
    "samba",
    "How streams end in their attributes: with a zero byte after the data (samba), or without (ksmbd; for folders that ksmbd has written, where a final zero is data). Descriptors stored with `acl = nt` are bound to the rights on the disk as that server reads them.",
  ),
  flag(
    "ea support",
    "yes",
    "Clients may read and set extended attributes; on the disk they are those of the namespace user.",
  ),
  flag(
    "posix locking",
    "no",
    "Byte-range locks of clients and of programs on the server exclude each other.",
  ),
  flag(
    "oplocks",
    "yes",
    "Grant oplocks and leases. Write no if programs on the server write to the same files.",
  ),
  list(
    "vfs objects",
    "",
    "Samba's modules. `recycle`, `catia`, `shadow_copy2` and `acl_xattr` enable what their parameters describe; others are built in, or ignored with a warning.",
    { aliases: ["vfs object"], security: true },
  ),
  patterns("hide files", "", "Names that have the attribute hidden: `/PATTERN/PATTERN/`, with `*` and `?`."),
  flag(
    "hide unwriteable files",
    "no",
    "Do not list files that the user cannot write; directories are always listed.",
    { aliases: ["hide unwriteable", "hide unwritable files"], security: true },
  ),
  flag("hide special files", "no", "Do not list sockets, devices and FIFOs.", { security: true }),
  flag(
    "delete veto files",
    "no",
    "A directory that contains only vetoed names can be deleted, together with them.",
    { security: true },
  ),
  choice(
    "mangled names",
    { no: NO, illegal: ["illegal"], yes: YES },
    "illegal",
    "Short names (8.3): `yes` for every name that needs one, `illegal` only for names that Windows cannot store, `no` for none.",
    { aliases: ["mangle names"] },
  ),
  choice(
    "mangling method",
    { hash2: ["hash2"] },
    "hash2",
    "How short names are made; Samba's other methods are not supported.",
  ),
  integer("mangle prefix", "1", "Number of characters of the name that a short name begins with.", {
    min: 1,
    max: 6,
  }),
  flag("preserve case", "yes", "New names keep the client's spelling; no: they get `default case`."),
  flag("short preserve case", "yes", "The same for new names of the form 8.3."),
  choice(
    "default case",
    { lower: ["lower"], upper: ["upper"] },
    "lower",
    "Case of new names that do not keep the client's spelling.",
  ),
  text(
    "catia:mappings",
    "",
    "With `vfs objects = catia`: pairs of a character on the disk and the one that clients see, `0x3a:0xf7,0x2a:0xa4`.",
  ),
  choice(
    "fruit:encoding",
    { auto: ["auto"], native: ["native"], private: ["private"] },
    "auto",
    "Characters that Windows reserves (`: * ? \" < > |`, a dot at the end), which macOS and Linux clients send in Unicode's private area: stored as themselves (`native`), as sent (`private`), or, with `auto`, as sent on FAT, exFAT and NTFS only. `native` also for the colons in the names of streams.",
  ),
  choice(
    "previous versions",
    { auto: ["auto"], yes: YES, no: NO },
    "auto",
    "Show snapshots as previous versions: those of `vfs objects = shadow_copy2`, else snapper's on btrfs. auto: to users who may list the folder that contains them; yes: to all; no: to none.",
    { security: true },
  ),
  text(
    "shadow:snapdir",
    ".snapshots",
    "With `vfs objects = shadow_copy2`: the directory of the snapshots, absolute or relative to the mount point of the share.",
    { isForRoot: true },
  ),
  text("shadow:basedir", "", "Directory that the snapshots were taken of; empty: the mount point.", {
    isForRoot: true,
  }),
  text("shadow:mountpoint", "", "Use this instead of the mount point of the share.", { isForRoot: true }),
  text(
    "shadow:format",
    "@GMT-%Y.%m.%d-%H.%M.%S",
    "How the names of snapshots encode their time, as in strptime(3): %Y %y %m %d %H %M %S %s %F %T %R.",
  ),
  text("shadow:snapprefix", "", "Regular expression for what the names begin with, before the delimiter."),
  text(
    "shadow:delimiter",
    "_GMT",
    "With a prefix: the text at which the part of the name that `shadow:format` describes begins.",
  ),
  flag("shadow:localtime", "no", "The names of snapshots are in local time instead of UTC."),
  text("shadow:sort", "desc", "Order of the list of snapshots: desc, asc."),
  text(
    "recycle:repository",
    ".recycle",
    "With `vfs objects = recycle`: the directory below the share that deleted files are moved to; `%U`, `%S` and `%m` stand for user, share and client address. A user who may not write it, as it is another user's, gets one of his own beside it, `.recycle-UID`, or in the first folder on the way to the file that he may write. Overwritten files are not saved.",
  ),
  flag("recycle:keeptree", "no", "Keep the directories of the files below the repository."),
  flag(
    "recycle:versions",
    "no",
    "Keep all files deleted under one name, as `Copy #1 of NAME` and so on; no: only the last.",
  ),
  flag("recycle:touch", "no", "Set the access time of a file that is moved to the repository."),
  flag("recycle:touch_mtime", "no", "Set the modification time of a file that is moved to the repository."),
  mode("recycle:directory_mode", "0700", "Mode of the repository when the server creates it.", {
    security: true,
  }),
  mode("recycle:subdir_mode", "", "Mode of the directories that the server creates below the repository.", {
    defaultHelp: "as recycle:directory_mode",
    security: true,
  }),
  text(
    "recycle:exclude",
    "",
    "Patterns of files that are deleted permanently, with `*` and `?`, separated by commas, bars or blanks.",
  ),
  text(
    "recycle:exclude_dir",
    "",
    "Directories below the share whose files are deleted permanently; patterns as above.",
  ),
  text("recycle:noversions", "", "Patterns of files of which only the last is kept."),
  size("recycle:minsize", "0", "Smaller files are deleted permanently."),
  size("recycle:maxsize", "0", "Larger files are deleted permanently; 0: no limit."),
  integer(
    "recycle:maxage",
    "0",
    "Days after which files are removed from the repository; 0: never. Not in the day after the clock has jumped by more than three days.",
    {
      min: 0,
      max: 36_500,
    },
  ),
  size(
    "recycle:limit",
    "0",
    "Bytes that the repository may hold; the files deleted first are removed first; 0: no limit.",
  ),
  integer(
    "max disk size",
    "0",
    "Largest disk size that clients see, in megabytes; 0: no limit. It does not limit what is written.",
    { aliases: ["max disksize"] },
  ),
  integer(
    "dfree cache time",
    "0",
    "Seconds for which the answer to a question about free space counts again, for disks that should sleep.",
    { min: 0, max: 86_400 },
  ),
  integer(
    "share:fake_fscaps",
    "0",
    "Bits of FileSystemAttributes ([MS-FSCC] 2.5.1) to announce besides those that hold; 64 is sparse files. Bits for a read-only or compressed volume are ignored.",
    { min: 0, max: 0xffff_ffff },
  ),
  size(
    "time machine max size",
    "0",
    "Bytes that the Time Machine backups in the share's directory may have together, and the disk size that clients see; 0: no limit. Each band of a backup counts in full; bands beyond the limit are refused as on a full disk. Other files do not count.",
    { aliases: ["fruit:time machine max size"] },
  ),
  size(
    "time machine max size per machine",
    "0",
    "The same for each machine that backs up to the share, by its sparse bundle.",
  ),
  flag(
    "time machine",
    "no",
    "Macs may back up to the share by Time Machine: `multicast dns register` announces it as such while its disk is there, opens are durable whatever `durable handles` says, for up to 16 minutes, `posix locking` is off, and a recycle bin does not keep what is removed from sparse bundles.",
    { aliases: ["fruit:time machine"] },
  ),
  flag(
    "hide unreadable",
    "no",
    "Do not list what the user cannot read; it can still be opened by name as far as its rights allow.",
    { security: true },
  ),
] as const;

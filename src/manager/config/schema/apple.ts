// Parameters of Apple's extensions of SMB and of what Macs store with files; vfs_fruit(8).
import { rowsOf } from "./parameter.ts";

const { flag: globalFlag, text: globalText } = rowsOf("global");
const { choice, flag } = rowsOf("share");

export const APPLE = [
  globalFlag(
    "fruit:aapl",
    "yes",
    "Answer macOS' create context AAPL, by which it takes the server for a Mac's and uses Apple's extensions of SMB. For all shares.",
  ),
  globalText(
    "aapl model",
    "MacSamba",
    "Model whose icon macOS shows for the server, such as `Xserve`, `TimeCapsule8,119` or `MacPro7,1`; multicast DNS announces it as well.",
    { aliases: ["fruit:model"] },
  ),
  globalFlag(
    "fruit:copyfile",
    "yes",
    "Macs have the server copy whole files, with streams, attributes and times, as Finder's Duplicate does.",
  ),
  globalFlag(
    "fruit:nfs_aces",
    "yes",
    "Macs see owner, group and mode as entries of access control lists, and set the mode by them (chmod).",
  ),
  globalFlag(
    "fruit:posix_rename",
    "yes",
    "Macs can rename and move a folder although files in it are open, as on their own disks.",
  ),
  globalFlag(
    "fruit:readdir_attr",
    "yes",
    "Listings of Macs have the size of resource forks, Finder information, the user's rights and the mode, so that Finder need not open each file.",
  ),
  globalFlag(
    "fruit:zero_file_id",
    "yes",
    "Macs are told no numbers of files, and make their own: they take a number for that of one file for ever, but a file system gives the inode number of a removed file to a new one. Other clients are told inode numbers.",
  ),
  choice(
    "fruit:metadata",
    { auto: ["auto"], netatalk: ["netatalk"], stream: ["stream"] },
    "auto",
    "Where new Finder information and tags of macOS are stored. stream: as streams; netatalk: Finder information in the extended attribute of netatalk and of Samba's vfs_fruit; auto: as streams, but on disks without extended attributes (FAT, exFAT) in AppleDouble files `._NAME`, as macOS itself stores them there. Existing metadata is read and changed in whichever form a file has.",
  ),
  choice(
    "fruit:resource",
    { auto: ["auto"], file: ["file"], stream: ["stream", "xattr"] },
    "auto",
    "Where new resource forks are stored. stream: as streams; file: in AppleDouble files `._NAME`; auto: as streams, and in AppleDouble files on disks without extended attributes.",
    { aliases: ["fruit:ressource"] },
  ),
  flag(
    "fruit:veto_appledouble",
    "yes",
    "Do not list AppleDouble files `._NAME` whose content clients see as streams of NAME. Others are listed whatever it says, and all can be opened by name.",
  ),
  flag(
    "fruit:wipe_intentionally_left_blank_rfork",
    "no",
    "Show the placeholder of 286 bytes that macOS writes into AppleDouble files as an empty resource fork.",
  ),
  flag(
    "fruit:validate_afpinfo",
    "yes",
    "Refuse to store Finder information without Apple's signature in the stream AFP_AfpInfo. no: store it with the signature, to migrate data whose headers are wrong.",
  ),
  flag(
    "readdir_attr:aapl_rsize",
    "yes",
    "With `fruit:readdir_attr`: the size of resource forks; no: Macs are told 0, as if there were none.",
  ),
  flag(
    "readdir_attr:aapl_finder_info",
    "yes",
    "With `fruit:readdir_attr`: Finder information; no: Macs see none in listings.",
  ),
  flag(
    "readdir_attr:aapl_max_access",
    "yes",
    "With `fruit:readdir_attr`: the user's rights on each file; no: Macs are told that the user has all that the share gives.",
  ),
] as const;

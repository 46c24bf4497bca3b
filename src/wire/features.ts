// Everything this server advertises or supports, listed only here, each with a test; [MS-SMB2] 3.3.5.4
// (negotiation), 3.3.5.15 (FSCTLs), 3.3.5.20, 3.3.5.21 (information), 3.3.5.9 (create contexts).
import { AppleCapability, AppleVolumeCapability } from "./context/apple-context.ts";
import { FileInfoClass, FsInfoClass } from "./fscc/info-class.ts";
import { Fsctl } from "./fscc/fsctl.ts";
import { ShareCapability, ShareFlag } from "./command/tree-connect.ts";
import { Capability, Dialect, SecurityMode } from "./command/negotiate.ts";
import {
  Cipher,
  HashAlgorithm,
  NegotiateContextType,
  SigningAlgorithm,
} from "./context/negotiate-context.ts";
import { POSIX_INFO_CLASS } from "./posix.ts";

/** One feature. `test` is `path/of/file.test.ts#title of the test`. */
export interface Feature {
  readonly name: string;
  readonly value: number;
  readonly test: string;
}

/** A capability of the dialects `from` to `to`, both included. */
export interface CapabilityFeature extends Feature {
  readonly from: number;
  readonly to: number;
  /** True when the client must have announced it too; [MS-SMB2] 3.3.5.4. */
  readonly needsClient: boolean;
}

const NEGOTIATE = "test/wire/command/negotiate.test.ts";
const FILE = "test/wire/fscc/file-information.test.ts";
const LISTED = "test/wire/fscc/directory-entry.test.ts#round trip of every class";
const VOLUME = "test/wire/fscc/fs-information.test.ts";
const CONTEXT = "test/wire/context/create-context.test.ts";
const DFS = "test/e2e/interop/dfs.test.ts";
const MAC = "test/e2e/mac";
const POSIX = "test/e2e/metadata/posix.test.ts";

const dialects: readonly Feature[] = [
  { name: "2.0.2", value: Dialect.SMB_2_0_2, test: `${NEGOTIATE}#round trip in every dialect` },
  { name: "2.1", value: Dialect.SMB_2_1, test: `${NEGOTIATE}#round trip in every dialect` },
  { name: "3.0", value: Dialect.SMB_3_0, test: `${NEGOTIATE}#round trip in every dialect` },
  { name: "3.0.2", value: Dialect.SMB_3_0_2, test: `${NEGOTIATE}#round trip in every dialect` },
  { name: "3.1.1", value: Dialect.SMB_3_1_1, test: `${NEGOTIATE}#round trip in every dialect` },
];

const capabilities: readonly CapabilityFeature[] = [
  {
    name: "DFS",
    value: Capability.DFS,
    from: Dialect.SMB_2_0_2,
    to: Dialect.SMB_3_1_1,
    needsClient: false,
    test: `${DFS}#the server and its share with msdfs root announce DFS, as on smbd`,
  },
  {
    name: "LARGE_MTU",
    value: Capability.LARGE_MTU,
    from: Dialect.SMB_2_1,
    to: Dialect.SMB_3_1_1,
    needsClient: false,
    test: "test/wire/features.test.ts#LARGE_MTU is announced from SMB 2.1 on",
  },
  {
    name: "ENCRYPTION",
    value: Capability.ENCRYPTION,
    from: Dialect.SMB_3_0,
    to: Dialect.SMB_3_0_2,
    needsClient: true,
    test: "test/wire/features.test.ts#ENCRYPTION is announced only in SMB 3.0 and 3.0.2, to clients that set it",
  },
  {
    name: "LEASING",
    value: Capability.LEASING,
    from: Dialect.SMB_2_1,
    to: Dialect.SMB_3_1_1,
    needsClient: false,
    test: "test/wire/features.test.ts#LEASING is announced from SMB 2.1 on, DIRECTORY_LEASING in SMB 3.x to clients that set it",
  },
  {
    name: "DIRECTORY_LEASING",
    value: Capability.DIRECTORY_LEASING,
    from: Dialect.SMB_3_0,
    to: Dialect.SMB_3_1_1,
    needsClient: true,
    test: "test/wire/features.test.ts#LEASING is announced from SMB 2.1 on, DIRECTORY_LEASING in SMB 3.x to clients that set it",
  },
  {
    name: "MULTI_CHANNEL",
    value: Capability.MULTI_CHANNEL,
    from: Dialect.SMB_3_0,
    to: Dialect.SMB_3_1_1,
    needsClient: true,
    test: "test/wire/features.test.ts#MULTI_CHANNEL is announced in SMB 3.x if allowed, to clients that set it",
  },
];

const securityModes: readonly Feature[] = [
  {
    name: "SIGNING_ENABLED",
    value: SecurityMode.SIGNING_ENABLED,
    test: `${NEGOTIATE}#round trip in every dialect`,
  },
  {
    name: "SIGNING_REQUIRED",
    value: SecurityMode.SIGNING_REQUIRED,
    test: `${NEGOTIATE}#round trip in every dialect`,
  },
];

// In order of preference, GCM first, because it takes less time: CPU ms per MiB on an EPYC 0.39, 0.35, 1.39,
// 1.81; without its AES instructions 4.7, 5.3, 6.1, 8.5.
const ciphers: readonly Feature[] = [
  {
    name: "AES-128-GCM",
    value: Cipher.AES_128_GCM,
    test: `${NEGOTIATE}#round trip of every negotiate context`,
  },
  {
    name: "AES-256-GCM",
    value: Cipher.AES_256_GCM,
    test: `${NEGOTIATE}#round trip of every negotiate context`,
  },
  {
    name: "AES-128-CCM",
    value: Cipher.AES_128_CCM,
    test: `${NEGOTIATE}#round trip of every negotiate context`,
  },
  {
    name: "AES-256-CCM",
    value: Cipher.AES_256_CCM,
    test: `${NEGOTIATE}#round trip of every negotiate context`,
  },
];

// In order of preference for processors with AES instructions.
const signingAlgorithms: readonly Feature[] = [
  {
    name: "AES-GMAC",
    value: SigningAlgorithm.AES_GMAC,
    test: `${NEGOTIATE}#round trip of every negotiate context`,
  },
  {
    name: "AES-CMAC",
    value: SigningAlgorithm.AES_CMAC,
    test: `${NEGOTIATE}#round trip of every negotiate context`,
  },
  {
    name: "HMAC-SHA256",
    value: SigningAlgorithm.HMAC_SHA256,
    test: `${NEGOTIATE}#round trip of every negotiate context`,
  },
];

const hashAlgorithms: readonly Feature[] = [
  {
    name: "SHA-512",
    value: HashAlgorithm.SHA_512,
    test: `${NEGOTIATE}#round trip of every negotiate context`,
  },
];

const fsctls: readonly Feature[] = [
  {
    name: "VALIDATE_NEGOTIATE_INFO",
    value: Fsctl.VALIDATE_NEGOTIATE_INFO,
    test: "test/wire/fscc/fsctl.test.ts#round trip of VALIDATE_NEGOTIATE_INFO",
  },
  {
    name: "QUERY_NETWORK_INTERFACE_INFO",
    value: Fsctl.QUERY_NETWORK_INTERFACE_INFO,
    test: "test/wire/fscc/fsctl.test.ts#round trip of QUERY_NETWORK_INTERFACE_INFO",
  },
  {
    name: "PIPE_TRANSCEIVE",
    value: Fsctl.PIPE_TRANSCEIVE,
    test: "test/wire/command/ioctl.test.ts#round trip of requests and responses",
  },
  {
    name: "PIPE_WAIT",
    value: Fsctl.PIPE_WAIT,
    test: "test/e2e/session/specification.test.ts#FSCTL_PIPE_WAIT tells whether a pipe exists",
  },
  {
    name: "QUERY_FILE_REGIONS",
    value: Fsctl.QUERY_FILE_REGIONS,
    test: "test/e2e/copy/sparse.test.ts#QUERY_FILE_REGIONS reports valid data up to the end of the file",
  },
  {
    name: "DFS_GET_REFERRALS",
    value: Fsctl.DFS_GET_REFERRALS,
    test: `${DFS}#referrals are those of smbd`,
  },
  {
    name: "DFS_GET_REFERRALS_EX",
    value: Fsctl.DFS_GET_REFERRALS_EX,
    test: `${DFS}#a referral has the version that the client knows, up to 4`,
  },
  {
    name: "SRV_ENUMERATE_SNAPSHOTS",
    value: Fsctl.SRV_ENUMERATE_SNAPSHOTS,
    test: "test/e2e/volumes/previous-versions.test.ts#has all tokens, the newest first, without symlinks and other names",
  },
];

/** ShareFlags and Capabilities of TREE_CONNECT, for a share with `msdfs root`. */
const dfsShare: readonly [Feature, Feature] = [
  {
    name: "DFS share flags",
    value: ShareFlag.DFS | ShareFlag.DFS_ROOT,
    test: `${DFS}#the server and its share with msdfs root announce DFS, as on smbd`,
  },
  {
    name: "DFS share capability",
    value: ShareCapability.DFS,
    test: `${DFS}#the server and its share with msdfs root announce DFS, as on smbd`,
  },
];

const directoryClasses: readonly Feature[] = [
  { name: "Directory", value: FileInfoClass.DIRECTORY, test: LISTED },
  { name: "FullDirectory", value: FileInfoClass.FULL_DIRECTORY, test: LISTED },
  { name: "BothDirectory", value: FileInfoClass.BOTH_DIRECTORY, test: LISTED },
  { name: "Names", value: FileInfoClass.NAMES, test: LISTED },
  { name: "IdBothDirectory", value: FileInfoClass.ID_BOTH_DIRECTORY, test: LISTED },
  { name: "IdFullDirectory", value: FileInfoClass.ID_FULL_DIRECTORY, test: LISTED },
  {
    name: "Posix",
    value: POSIX_INFO_CLASS,
    test: `${POSIX}#a listing shows every object with its type and its name as on disk`,
  },
];

const queryFileClasses: readonly Feature[] = [
  { name: "Basic", value: FileInfoClass.BASIC, test: `${FILE}#round trip of FileBasicInformation` },
  { name: "Standard", value: FileInfoClass.STANDARD, test: `${FILE}#round trip of the standard class` },
  { name: "Internal", value: FileInfoClass.INTERNAL, test: `${FILE}#round trip of file IDs` },
  { name: "Ea", value: FileInfoClass.EA, test: `${FILE}#round trip of single fields` },
  { name: "Access", value: FileInfoClass.ACCESS, test: `${FILE}#round trip of single fields` },
  { name: "Position", value: FileInfoClass.POSITION, test: `${FILE}#round trip of single fields` },
  { name: "Mode", value: FileInfoClass.MODE, test: `${FILE}#round trip of single fields` },
  { name: "Alignment", value: FileInfoClass.ALIGNMENT, test: `${FILE}#round trip of single fields` },
  { name: "All", value: FileInfoClass.ALL, test: `${FILE}#round trip of FileAllInformation` },
  {
    name: "Stream",
    value: FileInfoClass.STREAM,
    test: "test/wire/fscc/stream.test.ts#round trip of streams",
  },
  { name: "Compression", value: FileInfoClass.COMPRESSION, test: `${FILE}#round trip of compression` },
  { name: "NetworkOpen", value: FileInfoClass.NETWORK_OPEN, test: `${FILE}#round trip of network open` },
  { name: "AttributeTag", value: FileInfoClass.ATTRIBUTE_TAG, test: `${FILE}#round trip of attribute tag` },
  { name: "NormalizedName", value: FileInfoClass.NORMALIZED_NAME, test: `${FILE}#round trip of names` },
  { name: "Id", value: FileInfoClass.ID, test: `${FILE}#round trip of file IDs` },
  { name: "Posix", value: POSIX_INFO_CLASS, test: `${POSIX}#a file's information is that of stat(2)` },
];

const setFileClasses: readonly Feature[] = [
  { name: "Basic", value: FileInfoClass.BASIC, test: `${FILE}#FileBasicInformation of SET_INFO` },
  {
    name: "Rename",
    value: FileInfoClass.RENAME,
    test: "test/wire/fscc/rename.test.ts#round trip of renames and links",
  },
  {
    name: "Link",
    value: FileInfoClass.LINK,
    test: "test/wire/fscc/rename.test.ts#round trip of renames and links",
  },
  { name: "Disposition", value: FileInfoClass.DISPOSITION, test: `${FILE}#round trip of single fields` },
  { name: "Position", value: FileInfoClass.POSITION, test: `${FILE}#round trip of single fields` },
  { name: "Mode", value: FileInfoClass.MODE, test: `${FILE}#round trip of single fields` },
  { name: "Allocation", value: FileInfoClass.ALLOCATION, test: `${FILE}#round trip of single fields` },
  { name: "EndOfFile", value: FileInfoClass.END_OF_FILE, test: `${FILE}#round trip of single fields` },
];

const queryFsClasses: readonly Feature[] = [
  { name: "Volume", value: FsInfoClass.VOLUME, test: `${VOLUME}#round trip of volume and label` },
  { name: "Size", value: FsInfoClass.SIZE, test: `${VOLUME}#round trip of the size classes` },
  { name: "Device", value: FsInfoClass.DEVICE, test: `${VOLUME}#round trip of device` },
  { name: "Attribute", value: FsInfoClass.ATTRIBUTE, test: `${VOLUME}#round trip of attribute` },
  { name: "Control", value: FsInfoClass.CONTROL, test: `${VOLUME}#round trip of control and object ID` },
  { name: "ObjectId", value: FsInfoClass.OBJECT_ID, test: `${VOLUME}#round trip of control and object ID` },
  { name: "FullSize", value: FsInfoClass.FULL_SIZE, test: `${VOLUME}#round trip of the size classes` },
  { name: "SectorSize", value: FsInfoClass.SECTOR_SIZE, test: `${VOLUME}#round trip of sector size` },
  { name: "Posix", value: POSIX_INFO_CLASS, test: `${POSIX}#a volume's information is that of statvfs(3)` },
];

/** `value` is the four characters of the context's tag, big-endian. */
const createContexts: readonly Feature[] = [
  { name: "MxAc", value: 0x4d78_4163, test: `${CONTEXT}#round trip of every request context` },
  { name: "QFid", value: 0x5146_6964, test: `${CONTEXT}#round trip of every request context` },
  {
    name: "RqLs",
    value: 0x5271_4c73,
    test: "test/e2e/open/leases.test.ts#a lease is granted, broken and acknowledged",
  },
  {
    name: "TWrp",
    value: 0x5457_7270,
    test: "test/e2e/volumes/previous-versions.test.ts#a client opens a version by TWrp, or by a token anywhere in the path",
  },
  { name: "AlSi", value: 0x416c_5369, test: `${CONTEXT}#round trip of every request context` },
  {
    name: "AAPL",
    value: 0x4141_504c,
    test: `${MAC}/mount.test.ts#a Mac learns the server's model at every mount`,
  },
];

/** Bits of the server capabilities in the answer to AAPL. */
const appleCapabilities: readonly Feature[] = [
  {
    name: "READ_DIR_ATTR",
    value: AppleCapability.READ_DIR_ATTR,
    test: `${MAC}/listing.test.ts#an older Mac gets the same without the flag`,
  },
  ...(["READ_DIR_ATTR_V2", "UNIX_BASED"] as const).map((name) => ({
    name,
    value: AppleCapability[name],
    test: `${MAC}/listing.test.ts#has resource forks, Finder information and the mode, and says what has no streams`,
  })),
  {
    name: "OSX_COPYFILE",
    value: AppleCapability.OSX_COPYFILE,
    test: `${MAC}/copy-file.test.ts#a Mac's copy without chunks has data, streams, attributes and times`,
  },
  {
    name: "NFS_ACE",
    value: AppleCapability.NFS_ACE,
    test: `${MAC}/nfs-aces.test.ts#a Mac sees owner, group and mode as ACEs, and no other client does`,
  },
];

/** Bits of the volume capabilities in the answer to AAPL; paths of file ids (RESOLVE_ID) are not served. */
const appleVolumeCapabilities: readonly Feature[] = [
  {
    name: "CASE_SENSITIVE",
    value: AppleVolumeCapability.CASE_SENSITIVE,
    test: `${MAC}/mount.test.ts#the volume's capabilities say for each share whether case counts`,
  },
  {
    name: "FULL_SYNC",
    value: AppleVolumeCapability.FULL_SYNC,
    test: `${MAC}/backup-share.test.ts#a share for Time Machine, and no other, tells a Mac that it syncs in full`,
  },
];

/** Negotiate contexts of the response that have no table of their own. */
const negotiateContexts: readonly Feature[] = [
  {
    name: "POSIX extensions",
    value: NegotiateContextType.POSIX_EXTENSIONS_AVAILABLE,
    test: `${POSIX}#NEGOTIATE answers the POSIX context to a client that sends it, and to no other`,
  },
];

/** All tables; a test checks that the test of every row exists. */
export const FEATURES: Readonly<Record<string, readonly Feature[]>> = {
  dialects,
  capabilities,
  securityModes,
  ciphers,
  signingAlgorithms,
  hashAlgorithms,
  fsctls,
  dfsShare,
  directoryClasses,
  queryFileClasses,
  setFileClasses,
  queryFsClasses,
  createContexts,
  appleCapabilities,
  appleVolumeCapabilities,
  negotiateContexts,
};

/** Of a share with DFS links. */
export const DFS_SHARE = { flags: dfsShare[0].value, capabilities: dfsShare[1].value } as const;
/** AppleCapability bits that the server has. */
export const APPLE_CAPABILITIES: number = appleCapabilities.reduce((bits, row) => bits | row.value, 0);
/** In order of preference. */
export const CIPHERS: readonly number[] = ciphers.map((row) => row.value);
/** Signing algorithm numbers in order of preference for processors with AES instructions. */
export const SIGNING_ALGORITHMS: readonly number[] = signingAlgorithms.map((row) => row.value);

/**
 * The Capabilities of a NEGOTIATE response: the bits that dialect `revision` has, that the settings allow
 * (`allowed`) and, for some of them, that the client announced as well (`clientCapabilities`).
 */
export function capabilitiesOf(revision: number, clientCapabilities: number, allowed: number): number {
  let bits = 0;
  for (const row of capabilities) {
    if (revision < row.from || revision > row.to || (allowed & row.value) === 0) continue;
    if (row.needsClient && (clientCapabilities & row.value) === 0) continue;
    bits |= row.value;
  }
  return bits;
}

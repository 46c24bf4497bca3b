// srvsvc: valid names of shares, and types of paths. [MS-SRVS] 3.1.4.29 (NetprPathType), 3.1.4.32
// (NetprNameValidate).
import { type RpcOperation, Win32Error } from "./interface.ts";

/** NAMETYPE_SHARE of [MS-SRVS] 2.2.2.8, the one type that this server has names of. */
const NAME_OF_SHARE = 9;
const MAX_SHARE_NAME = 80;
/** The form of LAN Manager: 8.3. */
const OLD_FORM = 0x8000_0000;
const MAX_OLD_NAME = 12;

export const validateName: RpcOperation = ({ input, output }) => {
  input.skipServerName();
  const name = input.string();
  const type = input.u32();
  const flags = input.u32();
  const most = flags === OLD_FORM ? MAX_OLD_NAME : MAX_SHARE_NAME;
  const isValid = name !== "" && name.length <= most && !/["/\\[\]:|<>+=;,*?\u0000-\u001f]/.test(name);
  if (flags !== 0 && flags !== OLD_FORM) output.u32(Win32Error.INVALID_PARAMETER);
  else if (type !== NAME_OF_SHARE) output.u32(Win32Error.NOT_SUPPORTED);
  else output.u32(isValid ? Win32Error.SUCCESS : Win32Error.INVALID_NAME);
};

/** Path types of [MS-SRVS] 2.2.2.9; one more stands for wildcards in the path. */
const PathType = {
  UNC: 4096,
  UNC_COMPUTER: 4144,
  RELATIVE: 8192,
  ABSOLUTE: 8194,
  ABSOLUTE_DRIVE: 8198,
  DRIVE: 16_384,
} as const;
const WILDCARDS = 1;
const MAX_PATH = 260;
/** Path rules of MS-DOS: 128 characters. */
const OLD_RULES = 1;
const MAX_OLD_PATH = 128;

function typeOfPath(path: string): number | undefined {
  if (/["<>|\u0000-\u001f]/.test(path)) return undefined;
  const wildcards = /[*?]/.test(path) ? WILDCARDS : 0;
  if (/^[A-Za-z]:$/.test(path)) return PathType.DRIVE;
  if (path.startsWith("\\\\.")) return PathType.ABSOLUTE_DRIVE + wildcards;
  if (path.startsWith("\\\\")) {
    const isComputer = /^\\\\[^\\]+$/.test(path);
    if (!isComputer && !/^\\\\[^\\]+\\.*[^\\]$/.test(path)) return undefined;
    return (isComputer ? PathType.UNC_COMPUTER : PathType.UNC) + wildcards;
  }
  if (/^[A-Za-z]:\\/.test(path)) return PathType.ABSOLUTE_DRIVE + wildcards;
  if (path.slice(2).includes(":") || path.startsWith(":")) return undefined;
  return (path.startsWith("\\") ? PathType.ABSOLUTE : PathType.RELATIVE) + wildcards;
}

export const getPathType: RpcOperation = ({ input, output }) => {
  input.skipServerName();
  const path = input.string();
  const flags = input.u32();
  const most = flags === OLD_RULES ? MAX_OLD_PATH : MAX_PATH;
  const isKnown = flags === 0 || flags === OLD_RULES;
  const type = path === "" || path.length > most ? undefined : typeOfPath(path);
  output.u32(isKnown ? (type ?? 0) : 0);
  if (!isKnown) output.u32(Win32Error.INVALID_PARAMETER);
  else output.u32(type === undefined ? Win32Error.INVALID_NAME : Win32Error.SUCCESS);
};

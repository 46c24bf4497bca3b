// Prints, for each kind of client, a line to paste that connects to a share.
import { networkInterfaces } from "node:os";

export interface Access {
  readonly share: string;
  readonly directory: string;
  readonly user: string;
  readonly password: string;
  readonly passwordFile: string;
  readonly port: number;
}

const SMB_PORT = 445;

/** smbclient's line passes the password in the environment: other users can read a command's arguments. */
export function describeAccess(access: Access, address = findAddress()): string {
  const { share, directory, user, password, passwordFile, port } = access;
  const isUsual = port === SMB_PORT;
  const portOption = isUsual ? "" : ` -p ${port}`;
  const mountPort = isUsual ? "" : `,port=${port}`;
  const urlPort = isUsual ? "" : `:${port}`;
  const windows = isUsual
    ? `\\\\${address}\\${share}`
    : `net use Z: \\\\${address}\\${share} /user:${user} * /tcpport:${port}`;
  return `
  Sharing  ${directory}
  User     ${user}
  Password ${password}   (stored in ${passwordFile})

  smbclient         PASSWD='${password}' smbclient //${address}/${share}${portOption} -U ${user}
  Windows Explorer  ${windows}
  macOS Finder      smb://${user}@${address}${urlPort}/${share}
  Linux             sudo mount -t cifs //${address}/${share} /mnt -o username=${user}${mountPort},vers=3.1.1
${isUsual ? "" : "\n  Windows takes a port other than 445 since Windows 11 24H2; as root the server uses 445.\n"}
  Ctrl-C stops the server.
`;
}

/** The first external IPv4 address, else the loopback address. */
function findAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return all.find(({ internal, family }) => !internal && family === "IPv4")?.address ?? "127.0.0.1";
}

// Parameters of [global]: dialects, signing, encryption and log-on.
import { NO, rowsOf, YES } from "./parameter.ts";

const { flag, integer, list, text, choice } = rowsOf("global");

const MIN_DIALECT = {
  "0x0202": ["SMB2_02", "SMB2", "NT1", "SMB1", "LANMAN1", "LANMAN2", "COREPLUS", "CORE"],
  "0x0210": ["SMB2_10"],
  "0x0300": ["SMB3_00", "SMB3"],
  "0x0302": ["SMB3_02"],
  "0x0311": ["SMB3_11"],
} as const;

const MAX_DIALECT = {
  "0x0311": ["SMB3_11", "SMB3", "default"],
  "0x0302": ["SMB3_02"],
  "0x0300": ["SMB3_00"],
  "0x0210": ["SMB2_10", "SMB2"],
  "0x0202": ["SMB2_02"],
} as const;

const SIGNING = {
  auto: ["auto", "default", "enabled", ...YES, "if_required", "desired", "disabled", ...NO],
  required: ["mandatory", "required", "force", "forced", "enforced"],
} as const;

const ENCRYPTION = {
  off: ["disabled", "off", "no", "false", "0"],
  auto: ["auto", "default", "enabled", "if_required"],
  desired: ["desired", ...YES],
  required: ["mandatory", "required", "force", "forced", "enforced"],
} as const;

const SPN_VALIDATION = {
  off: ["off", ...NO],
  provided: ["if provided", "provided"],
  required: ["required", "mandatory"],
} as const;

const KERBEROS_TYPES = { strong: ["strong"], all: ["all"], legacy: ["legacy"] } as const;

export const PROTOCOL = [
  choice(
    "server min protocol",
    MIN_DIALECT,
    "SMB2_02",
    "Oldest dialect accepted. SMB1 is never served: its spellings mean SMB2_02.",
    { aliases: ["min protocol"], security: true },
  ),
  choice("server max protocol", MAX_DIALECT, "SMB3_11", "Newest dialect accepted.", {
    aliases: ["max protocol", "protocol"],
    security: true,
  }),
  choice(
    "server signing",
    SIGNING,
    "auto",
    "auto: the server signs for clients that ask for it; mandatory: clients must sign. SMB2 cannot switch signing off: `disabled` means auto.",
    { scope: "both", security: true },
  ),
  flag(
    "smb3 unix extensions",
    "yes",
    "Linux clients that mount with `posix` get modes, owners, links and case-sensitive names as on the disk. Must be on in [global] and in the share.",
    { scope: "both", aliases: ["smb3 posix extensions", "unix extensions"] },
  ),
  flag(
    "host msdfs",
    "yes",
    "Lead clients to other servers' shares (DFS) by shares with `msdfs root` or `msdfs proxy`. Without such a share the server does not announce DFS.",
  ),
  choice(
    "smb3 encryption",
    ENCRYPTION,
    "auto",
    "disabled: not offered; auto: for clients that ask for it; desired: for all clients that support it; mandatory: other clients are refused.",
    { scope: "both", aliases: ["server smb encrypt", "smb encrypt"], security: true },
  ),
  list(
    "server smb3 encryption algorithms",
    "",
    "Ciphers of SMB 3.1.1 in order of preference: AES-128-GCM, AES-256-GCM, AES-128-CCM, AES-256-CCM. `-NAME` takes one from the default. SMB 3.0 encrypts only with AES-128-CCM.",
    { defaultHelp: "all four", security: true },
  ),
  list(
    "server smb3 signing algorithms",
    "",
    "Signing algorithms of SMB 3.1.1 in order of preference: AES-128-GMAC, AES-128-CMAC, HMAC-SHA256. `-NAME` takes one from the default. Older dialects have one each.",
    {
      defaultHelp: "all three, HMAC-SHA256 before AES-128-CMAC on a processor without AES instructions",
      security: true,
    },
  ),
  choice(
    "crypto provider",
    { auto: ["auto"], native: ["native"], pure: ["pure"] },
    "auto",
    "native: the runtime's BoringSSL; pure: TypeScript, slower, and its timing may reveal keys to other programs on the machine; auto: native for each primitive that passes its self-test.",
    { reload: "restart", security: true },
  ),
  flag(
    "client password change",
    "yes",
    "A client that proves the old password may change it, as with `smbpasswd -r` or Windows' dialog. Passwords in the configuration stay as they are.",
    { security: true },
  ),
  list(
    "client share directories",
    "",
    "Directories in and below which an administrator (`admin users` of [global]) may share by RPC, as `net rpc share add` does; he may then also change the comment of shares and delete them. The configuration file is changed, its comments and order stay. Whoever may share a directory acts there as root.",
    { defaultHelp: "shares are changed in the configuration alone", security: true, isForRoot: true },
  ),
  integer(
    "restrict anonymous",
    "0",
    "1 or 2: guests and anonymous sessions may not connect to IPC$, so they cannot list shares.",
    { min: 0, max: 2, security: true },
  ),
  choice(
    "map to guest",
    { never: ["never"], "bad-user": ["bad user"], unsupported: ["bad password", "bad uid"] },
    "never",
    "bad user: an unknown user name becomes the guest. A known name with a wrong password never does.",
    { security: true },
  ),
  choice(
    "ntlm auth",
    {
      v2: ["ntlmv2-only", ...NO, "mschapv2-and-ntlmv2-only"],
      v1: ["ntlmv1-permitted", ...YES],
      off: ["disabled"],
    },
    "ntlmv2-only",
    "disabled: only Kerberos; otherwise NTLMv2. NTLMv1 is never accepted, its spellings mean NTLMv2.",
    { security: true },
  ),
  choice(
    "server spn validation",
    SPN_VALIDATION,
    "off",
    "The name by which an NTLM client calls the server (Windows' policy \"Server SPN target name validation level\"): off: not looked at; if provided: one that is not the server's refuses the log-on, which somebody between relays then; required: a client that sends none is refused, too.",
    { security: true },
  ),
  list(
    "server spn names",
    "",
    "Further names and addresses of the server for `server spn validation`. `netbios name`, `netbios aliases`, the host's name, each also with `.local`, the hosts of `kerberos service name` and the machine's addresses are names in any case.",
  ),
  text(
    "username map",
    "",
    "File with lines `USER = NAME NAME`: who logs on by one of the names is the user. `*` is every name, `@group` the members of a group; a line that begins with `!` is the last that counts.",
    { security: true, isForRoot: true },
  ),
  text(
    "guest account",
    "nobody",
    "System account that guests' file access runs as, never root; in a share: for that share.",
    { scope: "both", security: true },
  ),
  integer("logon timeout", "45", "Seconds that a connection may exist without a completed log-on.", {
    min: 1,
    max: 3600,
  }),
  integer(
    "logon failure delay",
    "2000",
    "Milliseconds for which the answer to a wrong password is held back; a right one is answered at once. 0 lets anybody guess at full speed.",
    { min: 0, max: 10_000 },
  ),
  flag(
    "kerberos support",
    "no",
    "Accept Kerberos tickets of the server's realm, and offer that before NTLM. The user `alice@REALM` is the user `alice` of the password file.",
  ),
  text(
    "kerberos service name",
    "",
    "Principal, `cifs/HOST` or `cifs/HOST@REALM`, whose tickets are accepted; several are separated by blanks.",
    { defaultHelp: "every `cifs/` of the key table" },
  ),
  text(
    "kerberos keytab file",
    "/etc/krb5.keytab",
    "Key table of the service principal. It is read again when it changes.",
    { isForRoot: true },
  ),
  choice(
    "kerberos encryption types",
    KERBEROS_TYPES,
    "strong",
    "Encryption of tickets. strong: AES; all: RC4 as well, of Windows before 2008; legacy: RC4 alone.",
    { security: true },
  ),
  flag(
    "kerberos pac groups",
    "no",
    "Use the groups that a domain controller (Active Directory, Samba, FreeIPA) puts into tickets as a PAC: stored descriptors (`acl = nt`) may name them and the user's SID in the domain, and `valid users` and the other lists of users may name them by SID, or a domain's standard groups as `@DOMAIN\\Domain Admins`. Tickets without such a PAC are refused.",
    { security: true },
  ),
  integer("kerberos clock skew", "300", "Seconds by which the clocks of client and server may differ.", {
    min: 1,
    max: 3600,
  }),
] as const;

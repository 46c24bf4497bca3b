// Parameters of smb.conf(5) that the server does not have, each with a word on what it does in Samba and what
// holds here; and those that it refuses, because ignoring them would change what the file means.

interface Group {
  /** What holds here; `'NAME' has no effect: WORD`. */
  readonly word: string;
  /** Lower case, separated by commas. */
  readonly names: string;
}

const GROUPS: readonly Group[] = [
  {
    word: "printers are not served",
    names:
      "addport command,addprinter command,cups connection timeout,cups encrypt,cups options,cups server,default devmode," +
      "deleteprinter command,disable spoolss,enumports command,force printername,iprint server," +
      "load printers,lppause command,lpq cache time,lpq command,lpresume command,lprm command,max print jobs," +
      "max reported print jobs,min print space,os2 driver map,print command,print notify backchannel,print ok," +
      "printable,printcap,printcap cache time,printcap name,printer,printer admin,printer name,printing," +
      "printjob username,queuepause command,queueresume command,show add printer wizard,use client driver",
  },
  {
    word: "NetBIOS names and browsing belong to SMB1; clients find this server by DNS, mDNS or its address",
    names:
      "auto services,preload,browse list,dgram port,disable netbios,dns proxy,domain master,enhanced browsing,lm announce," +
      "lm interval,local master,max ttl,max wins ttl,message command,min wins ttl,name cache timeout,name resolve order," +
      "nbt client socket address,nbt port,netbios scope,nmbd bind explicit broadcast,os level,preferred master," +
      "prefered master,remote announce,remote browse sync,time server,wins hook,wins proxy,wins server,wins support",
  },
  {
    word: "multicast DNS announces the host's name, and the server's as that of the service",
    names: "mdns name",
  },
  {
    word: "the server belongs to no domain, so winbind, LDAP, Active Directory and DNS updates are not used",
    names:
      "abort shutdown script,add group script,add machine script,add user script,add user to group script," +
      "additional dns hostnames,afs share,afs token lifetime,afs username map,algorithmic rid base," +
      "allow dcerpc auth level connect,allow dns updates,allow nt4 crypto,allow trusted domains,apply group policies," +
      "async dns timeout,auth event notification,binddns dir,cldap port,cluster addresses,clustering," +
      "allow unsafe cluster upgrade,create krb5 conf,ctdb locktime warn threshold,ctdb timeout,ctdbd socket," +
      "dcerpc endpoint servers,delete group script,delete user from group script,delete user script,dns forwarder," +
      "dns port,dns update command,dns zone scavenging,dns zone transfer clients allow,dns zone transfer clients deny," +
      "domain logons,dsdb event notification,dsdb group change notification,dsdb password event notification," +
      "gpo update command,idmap backend,idmap cache time,idmap gid,idmap negative cache time,idmap uid," +
      "include system krb5 conf,init logon delay,init logon delayed hosts,kdc default domain supported enctypes," +
      "kdc enable fast,kdc force enable rc4 weak session keys,kdc supported enctypes," +
      "kpasswd port,krb5 port,ldap admin dn,ldap connection timeout,ldap debug level,ldap debug threshold," +
      "ldap delete dn,ldap deref,ldap follow referral,ldap group suffix,ldap idmap suffix,ldap machine suffix," +
      "ldap max anonymous request size,ldap max authenticated request size,ldap max search request size," +
      "ldap page size,ldap passwd sync,ldap replication sleep,ldap server require strong auth,ldap ssl,ldap suffix," +
      "ldap timeout,ldap user suffix,log nt token command,logon drive,logon home,logon path,logon script," +
      "lsa over netlogon,machine password timeout,mit kdc command,neutralize nt4 emulation,nsupdate command," +
      "ntp signd socket directory,ntvfs handler,password server,realm,reject md5 clients,reject md5 servers," +
      "rename user script,require strong key,samba kcc command,server schannel,server schannel require seal," +
      "set primary group script,shutdown script,spn update command,template homedir,template shell,tls cafile," +
      "tls certfile,tls crlfile,tls dh params file,tls enabled,tls keyfile,tls priority,tls verify peer," +
      "winbind cache time,winbind enum groups,winbind enum users,winbind expand groups," +
      "winbind max clients,winbind max domain connections,winbind nested groups,winbind normalize names," +
      "winbind nss info,winbind offline logon,winbind reconnect delay,winbind refresh tickets,winbind request timeout," +
      "winbind rpc only,winbind scan trusted domains,winbind sealed pipes,winbind separator," +
      "winbind trusted domains only,winbind use default domain,winbind use krb5 enterprise principals," +
      "winbindd privileged socket directory,winbindd socket directory",
  },
  {
    word: "log-ons are checked against this server's own users, and by Kerberos where 'kerberos support' is on",
    names: "security,server role,domain controller,dedicated keytab file,kerberos method",
  },
  {
    word: "it concerns Samba's own clients, not its server",
    names:
      "client ipc max protocol,client ipc min protocol,client ipc signing,client lanman auth," +
      "client ldap sasl wrapping,client max protocol,client min protocol,client ntlmv2 auth,client plaintext auth," +
      "client protection,client schannel,client signing,client smb encrypt,client smb3 encryption algorithms," +
      "client smb3 signing algorithms,client use kerberos,client use spnego,client use spnego principal," +
      "raw ntlmv2 auth",
  },
  {
    word: "it concerns SMB1, which is never served",
    names:
      "announce as,announce version,defer sharing violations,enable asu support,fake oplocks,large readwrite,lanman auth," +
      "mangling char,max mux,max xmit,nt pipe support,nt status support,read bmpx,read raw,reset on zero vc," +
      "smb1 unix extensions,unicode,use spnego,write raw,share modes,blocking locks",
  },
  {
    word: "users and passwords are in ksmbdpwd.db, see 'minismbd adduser'",
    names:
      "check password script,encrypt passwords,hide local users,min password length,null passwords," +
      "obey pam restrictions,old password allowed period,pam password change,passdb backend,passdb expand explicit," +
      "passwd chat,passwd chat debug,passwd chat timeout,passwd program,password hash gpg key ids," +
      "password hash userpassword schemes,password level,nt hash store,smb passwd file,unix password sync," +
      "update encrypted,username level,username map cache time,min domain uid,enable privileges,private dir",
  },
  {
    word: "no program is run for clients",
    names:
      "add share command,change share command,delete share command,dfree command,get quota command,magic output," +
      "magic script,postexec,root postexec,set quota command,username map script,perfcount module,preload modules," +
      "panic action",
  },
  {
    word: "shares that users make with 'net usershare' and those of the registry are not read, write them in this file",
    names:
      "registry shares,usershare allow guests,usershare max shares,usershare owner only,usershare path," +
      "usershare prefix allow list,usershare prefix deny list,usershare template share",
  },
  {
    word: "the server sets its sockets, buffers, threads and processes itself",
    names:
      "aio max threads,aio read size,aio write behind,aio write size,allocation roundup size,async smb echo handler," +
      "block size,directory name cache size,getwd cache,keepalive,max smbd processes,max stat cache size," +
      "min receivefile size,prefork backoff increment,prefork children,prefork maximum backoff," +
      "rpc big endian,rpc server dynamic port range,rpc server port,rpc start on demand helpers,server services," +
      "smbd async dosmode,smbd getinfo ask sharemode,smbd max async dosmode,smbd max xattr size," +
      "smbd search ask sharemode,smbd force process locks,socket address,socket options,stat cache,use mmap," +
      "use sendfile,write cache size,smbd profiling level,strict rename,change notify timeout,paranoid server security",
  },
  {
    word: "the server keeps no such files",
    names:
      "cache directory,lock dir,lock directory,ncalrpc dir,pid directory,state directory,utmp,utmp directory," +
      "wtmp directory,enable core files",
  },
  {
    word: "log lines always have the server's own form; see 'log level'",
    names:
      "debug class,debug encryption,debug hires timestamp,debug pid,debug prefix timestamp,debug syslog format," +
      "debug timestamp,debug uid,eventlog list,logging,syslog,syslog only,timestamp logs,log writeable files on exit," +
      "winbind debug traceid",
  },
  {
    word: "names are UTF-8 on the disk",
    names: "dos charset,unix charset,display charset,valid chars,client code page,character set",
  },
  {
    word: "byte-range locks are always checked; 'posix locking' shares them with programs on the server",
    names: "strict locking,locking,lock spin time,csc policy",
  },
  {
    word: "oplocks are not shared with programs on the server; write 'oplocks = no' where these write to the same files",
    names:
      "kernel oplocks,kernel share modes,level2 oplocks,oplock break wait time,oplock contention limit,veto oplock files",
  },
  {
    word: "a client's FLUSH always reaches the disk, and other writes are synchronous where the client asks for it",
    names: "strict sync,sync always",
  },
  {
    word: "files are allocated as clients write; the disk's own rules hold",
    names:
      "strict allocate,fstype,volume,volume serial number,dmapi support,dont descend,hide new files timeout",
  },
  {
    word: "times are those of the disk, in units of 100 ns",
    names: "dos filetime resolution,dos filetimes,fake directory create times,time offset",
  },
  {
    word: "rights are those of the disk or of stored descriptors, see 'acl'",
    names:
      "acl allow execute always,acl check permissions,acl compatibility,acl flag inherited canonicalization," +
      "acl group control,acl map full control,administrative share,check parent directory delete on close," +
      "delete readonly,directory security mask,force directory security mode,force security mode," +
      "force unknown acl user,honor change notify privilege,map acl inherit,profile acls,security mask",
  },
  {
    word: "SMB2's lock sequences and oplock breaks are handled as Windows does",
    names: "smb2 disable lock sequence checking,smb2 disable oplock break retry",
  },
  {
    word: "searches by Spotlight are not served; clients search by listing folders",
    names: "spotlight,spotlight backend",
  },
  {
    word: "it has no meaning for file shares",
    names:
      "hostname lookups,svcctl list,homedir map,nis homedir,default service,default,vfs mkdir use tmp name,wsp properties file",
  },
  {
    word: "locks are not shared with netatalk: a folder is served by one of the two",
    names: "fruit:locking",
  },
  {
    word: "Macs learn that the server syncs in full where a share has 'time machine = yes'",
    names: "fruit:advertise_fullsync",
  },
  {
    word: "AppleDouble files are read and changed where they are, and removed when nothing is left in them",
    names: "fruit:convert_adouble,fruit:delete_empty_adfiles",
  },
  {
    word: "streams and extended attributes are stored by the server itself, see 'streams'",
    names: "streams_xattr:prefix,streams_xattr:store_stream_type,xattr_tdb:file,acl_xattr:default acl style",
  },
];

/** A module's parameters and the like, by their first letters. */
const PREFIXES: readonly (readonly [prefix: string, word: string])[] = [
  ["idmap config", "the server belongs to no domain"],
  ["fruit:", "Finder's data is kept in named streams, which the server always offers"],
  ["recycle:", "the recycle bin has no such option"],
  ["shadow:", "previous versions have no such option"],
  ["full_audit:", "operations are not audited"],
  ["audit:", "operations are not audited"],
  ["extd_audit:", "operations are not audited"],
  ...[
    "catia:",
    "streams_xattr:",
    "streams_depot:",
    "acl_xattr:",
    "acl_tdb:",
    "crossrename:",
    "vfs_",
    "readdir_attr:",
  ].map((prefix) => [prefix, "the module has no such option here"] as const),
  ...[
    "btrfs:",
    "smbd:",
    "worm:",
    "snapper:",
    "netatalk:",
    "aio_pthread:",
    "io_uring:",
    "cap:",
    "gvfs:",
    "nfs4:",
    "posix:",
  ].map((prefix) => [prefix, "the module that it belongs to does not exist here"] as const),
  ...[
    "default_quota:",
    "fileid:",
    "virusfilter:",
    "ceph:",
    "glusterfs:",
    "zfsacl:",
    "time_audit:",
    "commit:",
  ].map((prefix) => [prefix, "the module that it belongs to does not exist here"] as const),
];

/** All names of the table, without the prefixes. */
export function foreignNames(): string[] {
  return GROUPS.flatMap(({ names }) => names.split(","));
}

let words: ReadonlyMap<string, string> | undefined;

/**
 * What holds here for a parameter of Samba that the server does not have; undefined: Samba does not know it
 * either.
 */
export function foreignWord(key: string): string | undefined {
  words ??= new Map(GROUPS.flatMap(({ word, names }) => names.split(",").map((name) => [name, word])));
  return words.get(key);
}

/** What holds here for an option of one of Samba's modules that the table does not name. */
export function moduleWord(key: string): string | undefined {
  return PREFIXES.find(([prefix]) => key.startsWith(prefix))?.[1];
}

/** Values that mean what holds here anyway. */
const HOLDS: readonly (readonly [value: RegExp, names: string])[] = [
  [
    /^(no|false|0|off)$/i,
    "aio read size,aio write size,client lanman auth,client plaintext auth,dns proxy,domain logons,domain master," +
      "fake oplocks,kernel oplocks,kernel share modes,lanman auth,load printers,local master," +
      "null passwords,obey pam restrictions,pam password change,preferred master," +
      "printable,print ok,spotlight,unix password sync,usershare allow guests,usershare max shares," +
      "time server,wins proxy,wins support,smb1 unix extensions,registry shares,utmp,syslog,domain master,clustering",
  ],
  [
    /^(yes|true|1|on)$/i,
    "disable netbios,disable spoolss,encrypt passwords,getwd cache,stat cache,strict locking,strict sync," +
      "use sendfile,usershare owner only,level2 oplocks,locking,browse list,nt status support,large readwrite",
  ],
  [/^(user|auto)$/i, "security"],
  [/^(standalone|standalone server|auto)$/i, "server role"],
  [/^utf-?8$/i, "unix charset,dos charset,display charset"],
];

/** True where the value asks for what the server does anyway. */
export function holdsAnyway(key: string, value: string): boolean {
  return HOLDS.some(([values, names]) => values.test(value) && names.split(",").includes(key));
}

/** The share is left out; in [global] the configuration is refused. Value: what to write instead. */
export const REFUSED_PARAMETERS: ReadonlyMap<string, string> = new Map([
  ["config file", "name that file with -C"],
  ["copy", "it belongs into a share"],
  ["config backend", "write the parameters into this file"],
  ...["preexec", "exec", "root preexec", "preexec close", "root preexec close"].map(
    (name) =>
      [name, "no command is run for a connection; take it out and limit the share by 'valid users'"] as const,
  ),
  ["only user", "name the users in 'valid users'"],
]);

// `minismbd help`.

const TEXT = `minismbd shares folders with Windows, macOS and Linux over SMB2 and SMB3.

Usage: minismbd COMMAND [OPTION]...

  serve      serve, from a configuration or from options alone
  setup      set a new machine up: a user, and a share for each disk
  adduser    add a user
  passwd     change a user's password
  deluser    delete a user
  users      list the users
  shares     list the shares
  addshare   add, change or delete a share in the configuration
  testparm   check the configuration
  status     print who is connected, and which files are open
  control    reload or stop the server, disconnect a client, close a file
  version    print the version
  help       print this help

'minismbd COMMAND --help' says more. Called as ksmbd.mountd, ksmbd.adduser, ksmbd.addshare or ksmbd.control it takes the flags of
ksmbd-tools. To try it: minismbd serve --share docs=/srv/docs --user anna --port 4450
`;

export function run(): number {
  process.stdout.write(TEXT);
  return 0;
}

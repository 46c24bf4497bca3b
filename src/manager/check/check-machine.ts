// What a configuration names that the machine does not have, and shares that nobody can use.
import { currentMounts, type Mount, mountOf } from "../../linux/mountinfo.ts";
import { describeState } from "../volumes/state-words.ts";
import { findFacts } from "../volumes/volume-facts.ts";
import { shareValues } from "../config/effective.ts";
import { foldShareName } from "../config/load.ts";
import type { Note } from "../config/report.ts";
import type { Share } from "../config/share.ts";
import { hasVariables } from "../config/variables.ts";
import { suggest } from "../config/suggest.ts";
import { isOfDomain, USER_LISTS } from "../config/user-list.ts";
import { admit, localIdentity } from "../share-access.ts";
import { credentialsFor, describeOwnIds } from "../credentials.ts";
import { describeFault, walkDirectory } from "../directory-walk.ts";
import { findSystemUser } from "../users/system-accounts.ts";
import type { CheckedServer } from "./explain-access.ts";

export function checkMachine(server: CheckedServer): Note[] {
  const notes: Note[] = [];
  const { configuration, users } = server;
  const { diskShares, shares, homes, volumes } = configuration;
  const disks = new Disks();
  for (const share of shares.values()) notes.push(...checkServed(server, share, disks));
  if (homes) notes.push(...checkLists(server, homes));
  for (const share of diskShares) notes.push(...checkLists(server, share));
  if (volumes) notes.push(...checkLists(server, volumes));
  const globals = shareValues(server.sections, "global");
  const position = globals?.position("web admin users") ?? "";
  notes.push(
    ...checkNames(server, "global", "web admin users", globals?.list("web admin users") ?? [], position),
  );
  if (shares.size + diskShares.length === 0 && !homes && !volumes)
    warn(notes, "", "there is no usable share, clients will find nothing");
  const hasGuests = [...shares.values()].some(({ guestOk }) => guestOk);
  if (users.size === 0 && !hasGuests)
    warn(notes, "", "there is no user, add one with 'minismbd adduser NAME'");
  return notes;
}

function warn(notes: Note[], position: string, text: string): void {
  notes.push({ kind: "warning", position, text });
}

/** What `checkMachine` says of one share; nothing where there is none. */
export function checkShare(server: CheckedServer, name: string): Note[] {
  const { diskShares, homes, shares, volumes } = server.configuration;
  const folded = foldShareName(name);
  const served = shares.get(folded);
  if (served !== undefined) return checkServed(server, served, new Disks());
  const other = [...diskShares, homes, volumes].find(
    (share) => share !== null && foldShareName(share.name) === folded,
  );
  return other ? checkLists(server, other) : [];
}

function checkServed(server: CheckedServer, share: Share, disks: Disks): Note[] {
  const notes = checkLists(server, share);
  const values = shareValues(server.sections, share.name);
  const at = (name: "path" | "force user" | "force group" | "valid users") => values?.position(name) ?? "";
  const { accounts, users } = server;
  if (share.forceUser !== "" && !hasVariables(share.forceUser) && !findSystemUser(accounts, share.forceUser))
    warn(
      notes,
      at("force user"),
      `'force user': there is no account '${share.forceUser}', nobody can connect`,
    );
  if (share.forceGroup !== "" && !hasVariables(share.forceGroup) && !accounts.groups.has(share.forceGroup))
    warn(
      notes,
      at("force group"),
      `'force group': there is no group '${share.forceGroup}', nobody can connect`,
    );
  if (hasVariables(share.path) || share.dfs.proxied !== "") return notes;
  const found = walkDirectory(share.path);
  const fault = describeFault(found);
  if (fault !== undefined) warn(notes, at("path"), `share [${share.name}]: ${share.path} ${fault}`);
  if (!isOpenToSomebody(server, share))
    warn(notes, at("valid users"), `share [${share.name}]: nobody can connect, no user passes its lists`);
  const state = share.readOnly ? undefined : disks.stateOf(share.path);
  if (state !== undefined)
    warn(notes, at("path"), `share [${share.name}]: the disk of ${share.path}: ${state}`);
  if ("code" in found) return notes;
  const admitted = { readOnly: false, asGuest: false, isAdmin: false };
  const forced = share.forceUser === "" ? null : credentialsFor(share, "", admitted, found, accounts);
  if (forced && "fault" in forced && found.linkOwners.length > 0)
    warn(notes, at("path"), `share [${share.name}]: nobody can connect, ${forced.fault}`);
  for (const { name } of users.all()) {
    const isExact = users.hasNamesake(name);
    const admission = admit(share, localIdentity(name), "", accounts, isExact);
    const hint = admission && !admission.readOnly && describeOwnIds(share, name, found, accounts, isExact);
    if (hint) warn(notes, at("path"), hint);
  }
  return notes;
}

/** The mount table and the states of its disks, each looked at once for all shares. */
class Disks {
  private readonly mounts = currentMounts();
  private readonly states = new Map<Mount, string | undefined>();

  stateOf(path: string): string | undefined {
    const mount = mountOf(this.mounts, path);
    if (mount === undefined) return undefined;
    if (!this.states.has(mount)) this.states.set(mount, describeState(mount, findFacts(mount)));
    return this.states.get(mount);
  }
}

/** Names in the share's lists that belong to nobody. */
function checkLists(server: CheckedServer, { name }: Share): Note[] {
  const values = shareValues(server.sections, name);
  return USER_LISTS.flatMap((list) =>
    checkNames(server, name, list, values?.list(list) ?? [], values?.position(list) ?? ""),
  );
}

function checkNames(
  { accounts, configuration, users }: CheckedServer,
  section: string,
  list: string,
  words: readonly string[],
  position: string,
): Note[] {
  const notes: Note[] = [];
  for (const word of words) {
    if (hasVariables(word) || word.startsWith("&")) continue;
    if (isOfDomain(word)) {
      const hint = `'${word}' is of a domain, whose groups count with 'kerberos pac groups = yes'`;
      if (!configuration.kerberos.usesPacGroups) warn(notes, position, `'${list}' of [${section}]: ${hint}`);
      continue;
    }
    const name = word.replace(/^[@+]&?/, "");
    const isGroup = name !== word;
    const known = isGroup ? accounts.groups.has(name) : isKnownUser(name);
    if (known) continue;
    const near = suggest(name, isGroup ? accounts.groups.keys() : [...users.all()].map((user) => user.name));
    const what = isGroup ? "there is no group" : "there is no user";
    const hint = near === undefined ? "" : `, did you mean '${near}'?`;
    warn(notes, position, `'${list}' of [${section}]: ${what} '${name}'${hint}`);
  }
  return notes;

  function isKnownUser(name: string): boolean {
    return (
      users.find(name) !== null || users.hasNamesake(name) || findSystemUser(accounts, name) !== undefined
    );
  }
}

function isOpenToSomebody({ users, accounts, configuration }: CheckedServer, share: Share): boolean {
  const guest = share.guestAccount || configuration.guestAccount;
  if (admit(share, { ...localIdentity(""), isGuest: true }, guest, accounts)) return true;
  // Without users there is another warning.
  if (users.size === 0 || share.isPersonal) return true;
  if (configuration.kerberos.usesPacGroups && share.validUsers?.namesDomain === true) return true;
  for (const { name } of users.all())
    if (admit(share, localIdentity(name), guest, accounts, users.hasNamesake(name))) return true;
  return false;
}

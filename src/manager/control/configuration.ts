// The commands on the configuration: they ask a worker, and have the server read its files after a change.
import type { ConfigurationChange } from "../administration/changes.ts";
import { ask, checkMachineInTime, checkPathInTime } from "../administration/questions.ts";
import type { LiveShare, ServerFiles } from "../administration/read-configuration.ts";
import type { ShareDetail, ShareView } from "../administration/view-types.ts";
import { type FaultView, viewFault } from "../administration/views.ts";
import type { Configuration } from "../config/load.ts";
import { placeOf } from "../config/positions.ts";
import type { Note } from "../config/report.ts";
import { showName } from "../users/user-name.ts";
import type { Answer } from "./operation.ts";
import { ControlError } from "./protocol.ts";
import { told, toldAfterReload } from "./told.ts";

/** What the commands use of the server. */
export interface ConfigurationHost {
  readonly files: ServerFiles;
  configuration(): Pick<Configuration, "shares">;
  /** Reads the files again; returns why they cannot be used, undefined where they are in effect. */
  reload(): Promise<string | undefined>;
  note(text: string): void;
}

export async function listConfiguredShares(host: ConfigurationHost): Promise<Answer> {
  return told(async () => {
    const [view, notes] = await Promise.all([
      ask({ kind: "shares", files: host.files, live: liveShares(host) }),
      checkMachineInTime(host.files),
    ]);
    const byShare = notesByShare(notes);
    return { items: view.shares.map((share) => withNotes(share, byShare)), etag: view.etag };
  });
}

export async function showShare(
  host: ConfigurationHost,
  { name }: { readonly name: string },
): Promise<Answer> {
  return told(async () => {
    const [{ etag, share }, notes] = await Promise.all([
      ask({ kind: "share", files: host.files, live: liveShares(host), name }),
      checkMachineInTime(host.files, name),
    ]);
    return { items: [withNotes<ShareDetail>(share, notesByShare(notes))], etag };
  });
}

export async function showSettings(host: ConfigurationHost): Promise<Answer> {
  return told(async () => {
    const { etag, parameters } = await ask({ kind: "settings", files: host.files });
    return { items: parameters, etag };
  });
}

export async function checkPath(
  host: ConfigurationHost,
  { path }: { readonly path: string },
): Promise<Answer> {
  const found = await checkPathInTime(host.files, path);
  if (found === undefined) throw new ControlError("the disk does not answer", "failed");
  return { items: [found] };
}

const DONE: Readonly<Record<ConfigurationChange["kind"], string>> = {
  "add share": "added",
  "set share": "changed",
  "set access": "changed: who may do what",
  "remove share": "removed",
  "set settings": "changed",
};

/** Makes the change and has the server read it; returns the etag. */
export async function change(
  host: ConfigurationHost,
  change: ConfigurationChange,
  etag: string | undefined,
): Promise<string> {
  return told(async () => {
    const question = { kind: "change", files: host.files, change, etag } as const;
    const changed = await toldAfterReload(host, () => ask(question));
    const what = "name" in change ? `share [${showName(change.name)}]` : "[global]";
    host.note(`${what} ${DONE[change.kind]}`);
    const fault = await host.reload();
    if (fault !== undefined)
      throw new ControlError(`it is written, but the server could not read it: ${fault}`, "failed");
    return changed.etag;
  });
}

function liveShares({ configuration }: ConfigurationHost): readonly LiveShare[] {
  return [...configuration().shares.values()].map(({ name, path }) => ({ name, path }));
}

/** The notes that name a share, by its name; none where a disk has not answered. */
function notesByShare(notes: readonly Note[] = []): ReadonlyMap<string, readonly Note[]> {
  const found = new Map<string, Note[]>();
  for (const note of notes)
    for (const name of new Set([...note.text.matchAll(/\[([^[\]]+)\]/g)].map(([, word = ""]) => word))) {
      const own = found.get(name);
      if (own === undefined) found.set(name, [note]);
      else own.push(note);
    }
  return found;
}

/** The share with what the machine says of it. */
function withNotes<T extends ShareView>(share: T, notes: ReadonlyMap<string, readonly Note[]>): T {
  const known = new Set(share.faults.map(({ message }) => message));
  const own = (notes.get(share.name) ?? []).filter(({ text }) => !known.has(text));
  return own.length === 0
    ? share
    : { ...share, faults: [...share.faults, ...own.map((note) => faultOf(share, note))] };
}

/** A note of a share stands at the line of a parameter. */
function faultOf(share: ShareView, note: Note): FaultView {
  const place = placeOf(note.position);
  const parameters = "parameters" in share ? (share as ShareDetail).parameters : [];
  const parameter = parameters.find(({ file, line }) => file === place?.file && line === place?.line);
  return { ...viewFault(note, undefined), parameter: parameter?.name ?? "" };
}

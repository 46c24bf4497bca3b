// Collects what reading a configuration has to say: warnings, one line each, and parameters without effect,
// which the log names in one line and testparm explains one by one.

export interface Note {
  /** error: a share is left out. */
  readonly kind: "error" | "warning" | "info";
  /** `FILE:LINE`; empty: of no line. */
  readonly position: string;
  readonly text: string;
}

const FOREIGN = "Samba parameters that have no effect here";

export class Report {
  private readonly all: Note[] = [];
  private readonly seen = new Set<string>();
  private readonly groups = new Map<string, Set<string>>();

  warn(position: string, text: string): void {
    this.add({ kind: "warning", position, text });
  }

  leaveOut(position: string, text: string): void {
    this.add({ kind: "error", position, text });
  }

  /** A parameter of Samba's that the server does not have; `word`: what holds instead. */
  foreign(position: string, name: string, word: string): void {
    this.group(FOREIGN, name);
    this.add({ kind: "info", position, text: `'${name}' has no effect: ${word}` });
  }

  /** For the log. */
  warnings(): readonly string[] {
    const lines = this.all.filter(({ kind }) => kind !== "info").map(formatNote);
    const grouped = [...this.groups].map(([heading, names]) => `${heading}: ${[...names].join(", ")}`);
    return [...lines, ...grouped];
  }

  /** For testparm, in the order in which they were found. */
  notes(): readonly Note[] {
    return this.all;
  }

  private add(note: Note): void {
    const line = formatNote(note);
    if (this.seen.has(line)) return;
    this.seen.add(line);
    this.all.push(note);
  }

  private group(heading: string, name: string): void {
    const names = this.groups.get(heading) ?? new Set();
    names.add(name);
    this.groups.set(heading, names);
  }
}

export function formatNote({ position, text }: Note): string {
  return position === "" ? text : `${position}: ${text}`;
}

// What a configuration's reading has to tell people: warnings of one line each.

/** Collects; the loader prints. */
export class Report {
  private readonly lines: string[] = [];
  private readonly groups = new Map<string, Set<string>>();

  warn(position: string, text: string): void {
    const line = position === "" ? text : `${position}: ${text}`;
    if (!this.lines.includes(line)) this.lines.push(line);
  }

  /** Names under one heading share one line: `HEADING: NAME, NAME`. */
  warnTogether(heading: string, name: string): void {
    const names = this.groups.get(heading) ?? new Set();
    names.add(name);
    this.groups.set(heading, names);
  }

  warnings(): readonly string[] {
    const grouped = [...this.groups].map(([heading, names]) => `${heading}: ${[...names].join(", ")}`);
    return [...this.lines, ...grouped];
  }
}

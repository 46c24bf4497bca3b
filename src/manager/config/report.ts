// Collects the warnings that reading a configuration causes, one line each.

export class Report {
  private readonly lines: string[] = [];
  private readonly groups = new Map<string, Set<string>>();

  warn(position: string, text: string): void {
    const line = position === "" ? text : `${position}: ${text}`;
    if (!this.lines.includes(line)) this.lines.push(line);
  }

  /** Collects names for one line `HEADING: NAME, NAME`. */
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

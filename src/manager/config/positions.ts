// Positions of entries: `FILE:LINE`, or the option of the command line that set it.

export interface Place {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
}

/** Undefined for a position that is no line of a file. */
export function placeOf(position: string): Place | undefined {
  const [, file, line] = /^(.*):(\d+)$/.exec(position) ?? [];
  return file === undefined ? undefined : { file, line: Number(line) };
}

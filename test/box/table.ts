// The table that `npm run box` prints.
import type { Trial } from "./trial.ts";

const COLUMNS: readonly (readonly [string, number, (trial: Trial) => string])[] = [
  ["load", 30, ({ load }) => load],
  ["server", 10, ({ server }) => server],
  ["s", -7, ({ seconds }) => seconds.toFixed(1)],
  ["Anon idle", -11, ({ anonymous }) => mib(anonymous.before)],
  ["peak", -7, ({ anonymous }) => mib(anonymous.peak)],
  ["after", -7, ({ anonymous }) => mib(anonymous.after)],
  ["avail", -7, ({ available }) => mib(available)],
  ["code", -13, ({ code }) => `${mib(code.before)}>${mib(code.least)}`],
  ["faults", -8, ({ majorFaults }) => String(majorFaults)],
  ["p50", -7, ({ waits }) => waits.p50.toFixed(1)],
  ["p99", -7, ({ waits }) => waits.p99.toFixed(0)],
  ["worst", -7, ({ waits }) => waits.worst.toFixed(0)],
  ["TERM ms", -9, ({ stopMs }) => stopMs.toFixed(0)],
];

/** Of the server's log, below a load that failed. */
const LOG_LINES = 5;

function mib(kib: number): string {
  return (kib / 1024).toFixed(1);
}

function line(cells: readonly string[]): string {
  const pad = (cell: string, width: number): string =>
    width < 0 ? cell.padStart(-width) : cell.padEnd(width);
  return COLUMNS.map(([, width], index) => pad(cells[index] ?? "", width)).join("");
}

export function printHead(memory: string): void {
  console.log(`${memory} of memory; sizes in MiB, waits in ms`);
  console.log(line(COLUMNS.map(([title]) => title)));
}

export function printTrial(trial: Trial): void {
  console.log(line(COLUMNS.map(([, , show]) => show(trial))));
  console.log(`    ${trial.done}`);
  for (const fault of trial.faults) console.log(`    FAILED: ${fault}`);
  if (trial.faults.length > 0)
    for (const text of trial.log.slice(-LOG_LINES)) console.log(`    log: ${text}`);
}

// Whether another program of the machine answers multicast DNS already: avahi, umdns, systemd-resolved.
import { readFileSync } from "node:fs";

/** Accounts below are those of the system: a browser that listens as well runs as a person. */
const FIRST_PERSON_UID = 1000;

/** True where a socket of a system account is bound to the UDP port. Ours must not be open yet. */
export function isPortServed(port: number): boolean {
  return ["/proc/net/udp", "/proc/net/udp6"].some((path) => hasSystemSocket(readTable(path), port));
}

function readTable(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** `table` is /proc/net/udp: the second column is the local address and port in hex, the eighth the uid. */
export function hasSystemSocket(table: string, port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").some((line) => {
    const columns = line.trim().split(/\s+/);
    return columns[1]?.endsWith(wanted) === true && Number(columns[7]) < FIRST_PERSON_UID;
  });
}

// The server's numbers in Prometheus' text exposition format, version 0.0.4: for `metrics port`, and by
// `minismbd status --metrics` for the textfile collector of node_exporter.
import type { ServerStatus } from "./operations/tables.ts";

interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly value: (status: ServerStatus) => number;
}

/** Base units and the ending _total of counters, by Prometheus' conventions. */
const METRICS: readonly Metric[] = [
  gauge("uptime_seconds", "Time since the start.", ({ uptimeMs }) => uptimeMs / 1000),
  gauge("connections", "Connections of clients.", ({ connections }) => connections),
  gauge("sessions", "Sessions, unfinished log-ons included.", ({ sessions }) => sessions),
  gauge("opens", "Open files, folders, streams and pipes.", ({ opens }) => opens),
  gauge("open_files", "Files and folders that are open.", ({ files }) => files),
  gauge("leases", "Leases of clients.", ({ leases }) => leases),
  gauge("detached_opens", "Opens that wait for their client to reconnect.", ({ detached }) => detached),
  gauge("resident_memory_bytes", "Resident memory of the process.", ({ residentBytes }) => residentBytes),
  gauge("buffer_bytes", "Buffers in use.", ({ lentBytes }) => lentBytes),
  gauge("buffer_idle_bytes", "Buffers kept for reuse.", ({ idleBytes }) => idleBytes),
  gauge("buffer_budget_bytes", "Limit of the buffers.", ({ bufferBudgetBytes }) => bufferBudgetBytes),
  gauge("memory_step", "What is given up for memory: 0 nothing to 4.", ({ memoryStep }) => memoryStep),
  counter("requests_total", "Requests answered.", ({ traffic }) => traffic.requests),
  counter("request_errors_total", "Requests answered with an error.", ({ traffic }) => traffic.failures),
  counter("received_bytes_total", "Bytes of requests.", ({ traffic }) => traffic.receivedBytes),
  counter("sent_bytes_total", "Bytes of replies.", ({ traffic }) => traffic.sentBytes),
];

export function formatMetrics(status: ServerStatus): string {
  const lines = METRICS.map(({ name, type, help, value }) => describe(name, type, help, "", value(status)));
  const labels = `{version="${escapeLabel(status.version)}"}`;
  return lines.join("") + describe("build_info", "gauge", "The version, as a label.", labels, 1);
}

function describe(name: string, type: Metric["type"], help: string, labels: string, value: number): string {
  const full = `minismbd_${name}`;
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${full}${labels} ${value}\n`;
}

function escapeLabel(text: string): string {
  return text.replaceAll(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}

function gauge(name: string, help: string, value: Metric["value"]): Metric {
  return { name, type: "gauge", help, value };
}

function counter(name: string, help: string, value: Metric["value"]): Metric {
  return { name, type: "counter", help, value };
}

// `minismbd status --metrics`: the server's numbers in Prometheus' text format, for the textfile collector of
// node_exporter or a script behind an HTTP server.
import type { ServerStatus } from "../manager/control/commands.ts";

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
  counter("requests_total", "Requests answered.", ({ traffic }) => traffic.requests),
  counter("request_errors_total", "Requests answered with an error.", ({ traffic }) => traffic.failures),
  counter("received_bytes_total", "Bytes of requests.", ({ traffic }) => traffic.receivedBytes),
  counter("sent_bytes_total", "Bytes of replies.", ({ traffic }) => traffic.sentBytes),
];

export function formatMetrics(status: ServerStatus): string {
  return METRICS.map(
    ({ name, type, help, value }) =>
      `# HELP minismbd_${name} ${help}\n# TYPE minismbd_${name} ${type}\nminismbd_${name} ${value(status)}\n`,
  ).join("");
}

function gauge(name: string, help: string, value: Metric["value"]): Metric {
  return { name, type: "gauge", help, value };
}

function counter(name: string, help: string, value: Metric["value"]): Metric {
  return { name, type: "counter", help, value };
}

// The numbers of the running server.
import type { EngineControl } from "../../port/control.ts";
import type { Configuration } from "../config/load.ts";
import { VERSION } from "../version.ts";
import type { ServerStatus } from "./operations/tables.ts";

export interface StatusHost {
  readonly engine: Pick<EngineControl, "port" | "status">;
  configuration(): Pick<Configuration, "settings">;
  /** Of the web page, while there is one. */
  webStatus?(): Pick<ServerStatus, "webPort" | "webFingerprint"> | undefined;
}

export function statusOf({ configuration, engine, webStatus }: StatusHost): ServerStatus {
  const { settings } = configuration();
  return {
    version: VERSION,
    pid: process.pid,
    port: engine.port,
    serverName: settings.serverName,
    workgroup: settings.domain,
    residentBytes: process.memoryUsage.rss(),
    ...engine.status(),
    ...webStatus?.(),
  };
}

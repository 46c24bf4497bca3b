// What the operations on the configuration answer.
import type { Place } from "../config/positions.ts";
import type { AccessRow } from "./access-matrix.ts";
import type { FaultView, ParameterView } from "./views.ts";

export interface ShareView {
  readonly name: string;
  /** `disk`: the share of a plugged-in disk, by [volumes]. */
  readonly kind: "share" | "homes" | "volumes" | "disk";
  readonly path: string;
  readonly comment: string;
  readonly readOnly: boolean;
  readonly guestOk: boolean;
  readonly browseable: boolean;
  /** It comes and goes with a disk: by `disk` or [volumes]. */
  readonly isOnDisk: boolean;
  /** Clients find it now. */
  readonly isServed: boolean;
  readonly isEditable: boolean;
  readonly writtenIn?: Place | undefined;
  readonly faults: readonly FaultView[];
}

export interface ShareDetail extends ShareView {
  readonly parameters: readonly ParameterView[];
  readonly access: readonly AccessRow[];
}

export interface ConfigurationView {
  readonly etag: string;
  readonly shares: readonly ShareView[];
}

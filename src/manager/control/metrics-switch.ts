// Opens and closes `metrics port` as the configuration says; its code is loaded when it is first on.
import type { StatusHost } from "./status.ts";
import type { MetricsPort } from "./metrics-port.ts";

export class MetricsSwitch {
  private readonly host: StatusHost;
  private readonly log: { warn(text: string): void };
  private wanted = 0;
  private isTurning = false;
  private open: MetricsPort | undefined;

  constructor(host: StatusHost, log: { warn(text: string): void }) {
    this.host = host;
    this.log = log;
  }

  /** 0: no port. */
  follow(port: number): void {
    this.wanted = port;
    // Another call while the code is loaded counts afterwards.
    if (this.isTurning || port === (this.open?.port ?? 0)) return;
    this.isTurning = true;
    void this.turn().finally(() => (this.isTurning = false));
  }

  private async turn(): Promise<void> {
    for (;;) {
      const { wanted } = this;
      this.open?.close();
      this.open = undefined;
      if (wanted !== 0) {
        const { openMetricsPort } = await import("./metrics-port.ts");
        this.open = openMetricsPort(wanted, this.host, this.log);
      }
      if (wanted === this.wanted) return;
    }
  }
}

// Opens and closes `web port` as the configuration says; its code is loaded when it is first on.
import type { ControlHost } from "./control/commands.ts";
import type { ServerManager } from "./manager.ts";
import { InterfaceWatch } from "./interface-watch.ts";
import type { WebPage, WebStatus } from "./web/web-page.ts";

export class WebSwitch {
  private readonly manager: ServerManager;
  private readonly host: () => ControlHost;
  private readonly interfaces = new InterfaceWatch(() => this.review());
  private page: Promise<WebPage> | undefined;
  private loaded: WebPage | undefined;
  private isEnded = false;

  constructor(manager: ServerManager, host: () => ControlHost) {
    this.manager = manager;
    this.host = host;
  }

  /** At the start and after each reload. */
  follow(): void {
    const { interfaces, web } = this.manager.configuration();
    // Where the page listens on some addresses alone, they come and go with their interfaces.
    if (web.port !== 0 && interfaces !== null) this.interfaces.start();
    else this.interfaces.stop();
    this.review();
  }

  /** Undefined while there is no page. */
  status(): WebStatus | undefined {
    return this.loaded?.status();
  }

  /** The process of the page ends with the server. */
  end(): void {
    this.isEnded = true;
    this.interfaces.stop();
    void this.page?.then((page) => page.close());
  }

  private review(): boolean {
    if (this.isEnded || (this.page === undefined && this.manager.configuration().web.port === 0)) return true;
    this.page ??= this.load();
    void this.page.then((page) => (this.isEnded ? page.close() : page.follow()));
    return true;
  }

  private async load(): Promise<WebPage> {
    const { WebPage } = await import("./web/web-page.ts");
    this.loaded = new WebPage(this.manager, this.host());
    return this.loaded;
  }
}

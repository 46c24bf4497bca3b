// A share on a disk that tests make slow, and a server of its own, for the tests of one `describe`.
import { afterAll, beforeAll } from "bun:test";
import { SlowDisk } from "../../peer/fuse/slow-disk.ts";
import { TESTER, type TestServer } from "../../peer/test-server.ts";
import { type Mount, mountShare } from "./raw-files.ts";
import { startServer } from "./server.ts";

const NAME = "slow";

export class SlowShare {
  disk!: SlowDisk;
  server!: TestServer;

  constructor() {
    beforeAll(async () => {
      this.disk = await SlowDisk.mount();
      this.server = await startServer({ shares: [{ name: NAME, path: this.disk.folder }] });
    });
    afterAll(async () => {
      await this.disk?.go();
      await this.server?.stop();
      await this.disk?.dispose();
    });
  }

  mount(user = TESTER): Promise<Mount> {
    return mountShare(this.server, user, NAME);
  }
}

// v9u-smb2 of npm, which negotiates NTLM without Unicode. It needs MD4 of OpenSSL: node --openssl-legacy-provider.
const SMB2 = require("v9u-smb2");
const { randomBytes } = require("node:crypto");

const client = new SMB2({
  share: `\\\\${process.env.SMB_SERVER}\\share`,
  domain: "WORKGROUP",
  username: process.env.SMB_USER,
  password: process.env.SMB_PASSWORD,
  autoCloseTimeout: 0,
});
const data = randomBytes(300_000);

async function step(name, action) {
  try {
    await Promise.race([action(), new Promise((_, reject) => setTimeout(() => reject(new Error("time-out")), 20_000))]);
    console.log("PASS", name);
  } catch (error) {
    console.log("FAIL", `${name}: ${String(error.message ?? error).slice(0, 300)}`);
  }
}

(async () => {
  await step("mkdir", () => client.mkdir("v9u"));
  await step("write", () => client.writeFile("v9u\\data", data));
  await step("read", async () => {
    if (!data.equals(await client.readFile("v9u\\data"))) throw new Error("other data");
  });
  await step("exists", async () => {
    if (!(await client.exists("v9u\\data")) || (await client.exists("v9u\\missing"))) throw new Error("wrong");
  });
  await step("rename", () => client.rename("v9u\\data", "v9u\\Grüße"));
  await step("list", async () => {
    const names = await client.readdir("v9u");
    if (names.join() !== "Grüße") throw new Error(names.join());
  });
  await step("truncate", () => client.truncate("v9u\\Grüße", 10));
  await step("delete", () => client.unlink("v9u\\Grüße"));
  await step("rmdir", () => client.rmdir("v9u"));
  client.disconnect();
  process.exit(0);
})();

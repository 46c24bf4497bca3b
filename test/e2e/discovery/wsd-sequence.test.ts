// The sequence by which Windows finds a computer, as the documentation of WSDAPI has it ("Discovery and Metadata
// Exchange Message Patterns", and a page for each message): Hello, Probe, ProbeMatches, Resolve, ResolveMatches, Get,
// GetResponse, Bye, compared field by field. Names in the answers are those of WS-Discovery (April 2005), DPWS
// (February 2006) and [MS-PBSD] 2.2.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { canMakeNetworks, type Lines, useNetworks } from "./networks.ts";
import { type Element, elementAt, namesIn, parseSoap } from "./soap.ts";

const PYTHON = "/usr/bin/python3";
const ASKER = join(import.meta.dir, "asker.py");
const canRun = canMakeNetworks && Bun.which("curl") !== null;
const made = useNetworks(canRun);

const SOAP = "http://www.w3.org/2003/05/soap-envelope";
const WSA = "http://schemas.xmlsoap.org/ws/2004/08/addressing";
const WSD = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
const WSX = "http://schemas.xmlsoap.org/ws/2004/09/mex";
const WSDP = "http://schemas.xmlsoap.org/ws/2006/02/devprof";
const PUB = "http://schemas.microsoft.com/windows/pub/2005/07";
const PNPX = "http://schemas.microsoft.com/windows/pnpx/2005/10";
const TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
const GROUP = "urn:schemas-xmlsoap-org:ws:2005:04:discovery";
const ANYBODY = `${WSA}/role/anonymous`;
const UUID = "[\\da-f]{8}(?:-[\\da-f]{4}){3}-[\\da-f]{12}";

/** Prints the messages to the group, which is joined on the interface that has the address. */
const LISTENER = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("239.255.255.250", 3702))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.255.255.250") + socket.inet_aton(sys.argv[1]))
print("listening", flush=True)
while True:
    data, sender = s.recvfrom(9000)
    print("heard", sender[0], data.hex(), flush=True)
`;

/** A message as WSDAPI writes it: every text on a line of its own. */
function message(action: string, id: string, to: string, more: string, body: string): string {
  return `<?xml version="1.0" encoding="utf-8" ?>
<soap:Envelope
    xmlns:soap="${SOAP}"
    xmlns:wsa="${WSA}"
    xmlns:wsd="${WSD}"
    xmlns:wsdp="${WSDP}">
<soap:Header>
    <wsa:To>
        ${to}
    </wsa:To>
    <wsa:Action>
        ${action}
    </wsa:Action>
    <wsa:MessageID>
        urn:uuid:${id}
    </wsa:MessageID>${more}
</soap:Header>
<soap:Body>${body}</soap:Body>
</soap:Envelope>`;
}

const PROBE_ID = "29cf10da-5c41-4d55-b184-5ee15e38ce23";
const RESOLVE_ID = "38d1c3d9-8d73-4424-8861-6b7ee2af24d3";
const GET_ID = "027bec45-c37c-466c-936c-68f648abe2bb";

const probe = (id: string): string =>
  message(
    `${WSD}/Probe`,
    id,
    GROUP,
    "",
    "\n    <wsd:Probe>\n        <wsd:Types>wsdp:Device</wsd:Types>\n    </wsd:Probe>\n",
  );

const resolve = (endpoint: string): string =>
  message(
    `${WSD}/Resolve`,
    RESOLVE_ID,
    GROUP,
    "",
    `<wsd:Resolve><wsa:EndpointReference><wsa:Address>\n${endpoint}\n</wsa:Address></wsa:EndpointReference></wsd:Resolve>`,
  );

const get = (endpoint: string): string =>
  message(
    `${TRANSFER}/Get`,
    GET_ID,
    endpoint,
    `<wsa:ReplyTo><wsa:Address>${ANYBODY}</wsa:Address></wsa:ReplyTo>
     <wsa:From><wsa:Address>urn:uuid:49e131df-351a-4ece-9a6f-6a862d31cffa</wsa:Address></wsa:From>`,
    "\n",
  );

const hex = (text: string): string => Buffer.from(text).toString("hex");
const soapOf = (text: string): Element => parseSoap(Buffer.from(text, "hex").toString());

/** Sends the messages to the group at once. Returns the answers in the order in which they come. */
async function ask(...messages: readonly string[]): Promise<Element[]> {
  const words = [ASKER, "10.88.0.2", "239.255.255.250", "3702", "1", ...messages.map(hex)];
  const asked = made().startThere(PYTHON, ...words);
  await asked.lines.see(/^sent \d+ answered \d+$/m);
  return [...asked.lines.text.matchAll(/^answer \d+ (\w+)$/gm)].map(([, bytes = ""]) => soapOf(bytes));
}

async function heard(lines: Lines, name: string): Promise<Element> {
  await lines.see(new RegExp(`^heard 10\\.88\\.0\\.1 \\w*${hex(`${WSD}/${name}<`)}`, "m"));
  const all = [...lines.text.matchAll(/^heard 10\.88\.0\.1 (\w+)$/gm)].map(([, bytes = ""]) => soapOf(bytes));
  const found = all.filter((one) => actionOf(one) === `${WSD}/${name}`);
  return found.at(-1) as Element;
}

const header = (envelope: Element, ...path: readonly string[]): Element =>
  elementAt(envelope, `{${SOAP}}Header`, ...path);
const actionOf = (envelope: Element): string => header(envelope, `{${WSA}}Action`).text;

/** AppSequence: InstanceId is the start in seconds since 1970, MessageNumber counts from 1. */
function sequenceOf(envelope: Element): { instance: number; number: number } {
  const { attributes } = header(envelope, `{${WSD}}AppSequence`);
  expect(Object.keys(attributes).sort()).toEqual(["InstanceId", "MessageNumber"]);
  return { instance: Number(attributes["InstanceId"]), number: Number(attributes["MessageNumber"]) };
}

function expectHeader(envelope: Element, to: string, action: string, relatesTo?: string): void {
  expect(envelope.name).toBe(`{${SOAP}}Envelope`);
  expect(header(envelope, `{${WSA}}To`).text).toBe(to);
  expect(actionOf(envelope)).toBe(action);
  expect(header(envelope, `{${WSA}}MessageID`).text).toMatch(new RegExp(`^urn:uuid:${UUID}$`));
  const related = header(envelope).children.filter(({ name }) => name === `{${WSA}}RelatesTo`);
  expect(related.map(({ text }) => text)).toEqual(relatesTo === undefined ? [] : [`urn:uuid:${relatesTo}`]);
}

/** EndpointReference, Types, XAddrs and MetadataVersion, in the order of the schema. */
function expectDescription(match: Element, endpoint: string): void {
  expect(namesIn(match)).toEqual([
    `{${WSA}}EndpointReference`,
    `{${WSD}}Types`,
    `{${WSD}}XAddrs`,
    `{${WSD}}MetadataVersion`,
  ]);
  expect(elementAt(match, `{${WSA}}EndpointReference`, `{${WSA}}Address`).text).toBe(endpoint);
  const types = elementAt(match, `{${WSD}}Types`);
  expect(types.text.split(" ").map(types.resolve)).toEqual([`{${WSDP}}Device`, `{${PUB}}Computer`]);
  const id = endpoint.replace("urn:uuid:", "");
  expect(elementAt(match, `{${WSD}}XAddrs`).text).toBe(`http://10.88.0.1:5357/${id}`);
  expect(elementAt(match, `{${WSD}}MetadataVersion`).text).toMatch(/^[1-9]\d*$/);
}

function expectMetadata(envelope: Element, endpoint: string): void {
  expectHeader(envelope, ANYBODY, `${TRANSFER}/GetResponse`, GET_ID);
  const metadata = elementAt(envelope, `{${SOAP}}Body`, `{${WSX}}Metadata`);
  const sections = new Map(metadata.children.map((section) => [section.attributes["Dialect"], section]));
  expect([...sections.keys()]).toEqual(
    ["ThisDevice", "ThisModel", "Relationship"].map((name) => `${WSDP}/${name}`),
  );
  const section = (name: string) => elementAt(sections.get(`${WSDP}/${name}`) as Element, `{${WSDP}}${name}`);
  expect(elementAt(section("ThisDevice"), `{${WSDP}}FriendlyName`).text).toBe("BOX");
  for (const name of ["FirmwareVersion", "SerialNumber"])
    expect(elementAt(section("ThisDevice"), `{${WSDP}}${name}`).text).not.toBe("");
  for (const name of ["Manufacturer", "ModelName"])
    expect(elementAt(section("ThisModel"), `{${WSDP}}${name}`).text).not.toBe("");
  expect(elementAt(section("ThisModel"), `{${PNPX}}DeviceCategory`).text).toBe("Computers");
  expect(section("Relationship").attributes["Type"]).toBe(`${WSDP}/host`);
  const host = elementAt(section("Relationship"), `{${WSDP}}Host`);
  expect(namesIn(host)).toEqual([
    `{${WSA}}EndpointReference`,
    `{${WSDP}}Types`,
    `{${WSDP}}ServiceId`,
    `{${PUB}}Computer`,
  ]);
  expect(elementAt(host, `{${WSA}}EndpointReference`, `{${WSA}}Address`).text).toBe(endpoint);
  const types = elementAt(host, `{${WSDP}}Types`);
  expect(types.resolve(types.text)).toBe(`{${PUB}}Computer`);
  expect(elementAt(host, `{${PUB}}Computer`).text).toBe("BOX/Workgroup:HOME");
}

test.skipIf(!canRun)(
  "each message of Windows' sequence has the fields that its documentation names",
  async () => {
    const { lines } = made().startThere(PYTHON, "-c", LISTENER, "10.88.0.2");
    await lines.see("listening");
    const startedSeconds = Math.trunc(Date.now() / 1000);
    const server = made().startServer("-o", "workgroup = HOME");
    const hello = await heard(lines, "Hello");
    expectHeader(hello, GROUP, `${WSD}/Hello`);
    const announced = elementAt(hello, `{${SOAP}}Body`, `{${WSD}}Hello`);
    const endpoint = elementAt(announced, `{${WSA}}EndpointReference`, `{${WSA}}Address`).text;
    expect(endpoint).toMatch(new RegExp(`^urn:uuid:${UUID}$`));
    expectDescription(announced, endpoint);
    const { instance } = sequenceOf(hello);
    expect(Math.abs(instance - startedSeconds)).toBeLessThan(60);

    const [matches] = await ask(probe(PROBE_ID));
    expectHeader(matches as Element, ANYBODY, `${WSD}/ProbeMatches`, PROBE_ID);
    const match = elementAt(
      matches as Element,
      `{${SOAP}}Body`,
      `{${WSD}}ProbeMatches`,
      `{${WSD}}ProbeMatch`,
    );
    expectDescription(match, endpoint);

    const [resolved] = await ask(resolve(endpoint));
    expectHeader(resolved as Element, ANYBODY, `${WSD}/ResolveMatches`, RESOLVE_ID);
    const found = elementAt(
      resolved as Element,
      `{${SOAP}}Body`,
      `{${WSD}}ResolveMatches`,
      `{${WSD}}ResolveMatch`,
    );
    expectDescription(found, endpoint);

    const type = "Content-Type: application/soap+xml";
    const url = elementAt(found, `{${WSD}}XAddrs`).text;
    const agent = ["-A", "WSDAPI", "-H", "Cache-Control: no-cache", "-H", "Pragma: no-cache"];
    const got = made().startThere("curl", "-si", ...agent, "-H", type, "--data-binary", get(endpoint), url);
    await got.child.exited;
    await got.lines.see("</soap:Envelope>");
    const [head = "", body = ""] = got.lines.text.split("\r\n\r\n");
    expect(head).toMatch(/^HTTP\/1\.1 200 /);
    expect(head).toMatch(/^content-type: application\/soap\+xml\r?$/im);
    expectMetadata(parseSoap(body), endpoint);

    server.child.kill("SIGTERM");
    const bye = await heard(lines, "Bye");
    expectHeader(bye, GROUP, `${WSD}/Bye`);
    const left = elementAt(bye, `{${SOAP}}Body`, `{${WSD}}Bye`);
    expect(elementAt(left, `{${WSA}}EndpointReference`, `{${WSA}}Address`).text).toBe(endpoint);
    const all = [hello, matches as Element, resolved as Element, bye].map(sequenceOf);
    expect(all.map((one) => one.instance)).toEqual([instance, instance, instance, instance]);
    const numbers = all.map((one) => one.number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(new Set(numbers).size).toBe(4);
  },
);

test.skipIf(!canRun)(
  "answers go out in the order of their numbers, because Windows ignores older ones",
  async () => {
    await made().startServer().lines.see("ready on port 445");
    let answers: Element[] = [];
    for (let i = 0; i < 20 && answers.length === 0; i++) answers = await ask(probe(crypto.randomUUID()));
    answers = await ask(...Array.from({ length: 8 }, () => probe(crypto.randomUUID())));
    expect(answers.length).toBe(8);
    const numbers = answers.map((one) => sequenceOf(one).number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  },
);

// Messages of WS-Discovery (April 2005) and of the Devices Profile (February 2006), by which Windows finds
// computers: what is read of a request, and the answers.
export interface WsdIdentity {
  /** A UUID that stays the same over restarts. */
  readonly id: string;
  readonly computer: string;
  readonly workgroup: string;
}

/** AppSequence: of two messages, Windows ignores the older one that comes later. */
export interface Sequence {
  readonly instance: number;
  /** Counts the messages of this run. */
  readonly number: number;
}

export interface WsdRequest {
  /** The last word of the action: Probe, Resolve, Get. */
  readonly action: string;
  readonly messageId: string;
  /** Of a Probe: `PREFIX:NAME` of what is looked for. */
  readonly types: readonly string[];
  /** Of a Resolve: whose address is wanted. */
  readonly endpoint: string;
  readonly to: string;
}

const DISCOVERY = "http://schemas.xmlsoap.org/ws/2005/04/discovery";
const TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer";
const PROFILE = "http://schemas.xmlsoap.org/ws/2006/02/devprof";
const TO_GROUP = "urn:schemas-xmlsoap-org:ws:2005:04:discovery";
const TO_ASKER = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous";
const NAMESPACES =
  'xmlns:soap="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" ' +
  `xmlns:wsd="${DISCOVERY}" xmlns:wsx="http://schemas.xmlsoap.org/ws/2004/09/mex" xmlns:wsdp="${PROFILE}" ` +
  'xmlns:pnpx="http://schemas.microsoft.com/windows/pnpx/2005/10" xmlns:pub="http://schemas.microsoft.com/windows/pub/2005/07"';
const TYPES = "wsdp:Device pub:Computer";
/** Names of types that a Probe may ask for; their prefixes are the asker's. */
const OWN_TYPES = new Set(["Device", "Computer"]);
/** Longer requests are nobody's. */
export const MAX_REQUEST_BYTES = 8192;

/** Undefined for what is no request of these protocols. */
export function readRequest(bytes: Uint8Array): WsdRequest | undefined {
  if (bytes.length > MAX_REQUEST_BYTES) return undefined;
  const text = new TextDecoder().decode(bytes).trimEnd();
  if (!/<\/(?:[\w.-]+:)?Envelope>$/.test(text)) return undefined;
  const action = /(?:discovery|transfer)\/(Probe|Resolve|Get)$/.exec(textOf(text, "Action"))?.[1];
  const messageId = textOf(text, "MessageID");
  if (action === undefined || !/^[\w:.-]{1,100}$/.test(messageId)) return undefined;
  const [, body = ""] = text.split(/<(?:\w+:)?Body[\s>]/);
  const types = textOf(body, "Types")
    .split(/\s+/)
    .filter((type) => type !== "");
  return { action, messageId, types, endpoint: textOf(body, "Address"), to: textOf(text, "To") };
}

/** Without types every device is looked for. */
export function isLookedFor({ types }: WsdRequest): boolean {
  return types.every((type) => OWN_TYPES.has(type.replace(/^\w+:/, "")));
}

export function endpointOf({ id }: WsdIdentity): string {
  return `urn:uuid:${id}`;
}

/** `url` is where the answer to Get is. */
export function hello(identity: WsdIdentity, url: string, sequence: Sequence): string {
  const body = `<wsd:Hello>${describe(identity, url)}</wsd:Hello>`;
  return toGroup("Hello", sequence, body);
}

export function bye(identity: WsdIdentity, sequence: Sequence): string {
  return toGroup("Bye", sequence, `<wsd:Bye>${reference(identity)}</wsd:Bye>`);
}

export function probeMatches(identity: WsdIdentity, url: string, sequence: Sequence, to: WsdRequest): string {
  const body = `<wsd:ProbeMatches><wsd:ProbeMatch>${describe(identity, url)}</wsd:ProbeMatch></wsd:ProbeMatches>`;
  return toAsker(`${DISCOVERY}/ProbeMatches`, to, appSequence(sequence), body);
}

export function resolveMatches(
  identity: WsdIdentity,
  url: string,
  sequence: Sequence,
  to: WsdRequest,
): string {
  const match = `<wsd:ResolveMatch>${describe(identity, url)}</wsd:ResolveMatch>`;
  const body = `<wsd:ResolveMatches>${match}</wsd:ResolveMatches>`;
  return toAsker(`${DISCOVERY}/ResolveMatches`, to, appSequence(sequence), body);
}

/**
 * The answer to Get: what Windows shows. [MS-PBSD] 2.2 has NAME\Workgroup:GROUP, and a slash for domains
 * alone; Windows sends and reads a slash for both.
 */
export function metadata(identity: WsdIdentity, to: WsdRequest): string {
  const computer = escape(identity.computer);
  const device =
    `<wsdp:ThisDevice><wsdp:FriendlyName>${computer}</wsdp:FriendlyName>` +
    "<wsdp:FirmwareVersion>1.0</wsdp:FirmwareVersion><wsdp:SerialNumber>1</wsdp:SerialNumber></wsdp:ThisDevice>";
  const model =
    "<wsdp:ThisModel><wsdp:Manufacturer>minismbd</wsdp:Manufacturer><wsdp:ModelName>minismbd</wsdp:ModelName>" +
    "<pnpx:DeviceCategory>Computers</pnpx:DeviceCategory></wsdp:ThisModel>";
  const host =
    `<wsdp:Relationship Type="${PROFILE}/host"><wsdp:Host>${reference(identity)}<wsdp:Types>pub:Computer</wsdp:Types>` +
    `<wsdp:ServiceId>${endpointOf(identity)}</wsdp:ServiceId>` +
    `<pub:Computer>${computer}/Workgroup:${escape(identity.workgroup)}</pub:Computer></wsdp:Host></wsdp:Relationship>`;
  const sections = [
    ["ThisDevice", device],
    ["ThisModel", model],
    ["Relationship", host],
  ].map(([name, text]) => `<wsx:MetadataSection Dialect="${PROFILE}/${name}">${text}</wsx:MetadataSection>`);
  return toAsker(`${TRANSFER}/GetResponse`, to, "", `<wsx:Metadata>${sections.join("")}</wsx:Metadata>`);
}

function toGroup(name: string, sequence: Sequence, body: string): string {
  const head = `<wsa:To>${TO_GROUP}</wsa:To><wsa:Action>${DISCOVERY}/${name}</wsa:Action>`;
  return envelope(`${head}${appSequence(sequence)}`, body);
}

function toAsker(action: string, { messageId }: WsdRequest, more: string, body: string): string {
  const head = `<wsa:To>${TO_ASKER}</wsa:To><wsa:Action>${action}</wsa:Action>`;
  return envelope(`${head}<wsa:RelatesTo>${escape(messageId)}</wsa:RelatesTo>${more}`, body);
}

function envelope(head: string, body: string): string {
  const id = `<wsa:MessageID>urn:uuid:${crypto.randomUUID()}</wsa:MessageID>`;
  return (
    `<?xml version="1.0" encoding="utf-8"?><soap:Envelope ${NAMESPACES}><soap:Header>${id}${head}</soap:Header>` +
    `<soap:Body>${body}</soap:Body></soap:Envelope>`
  );
}

function appSequence({ instance, number }: Sequence): string {
  return `<wsd:AppSequence InstanceId="${instance}" MessageNumber="${number}"/>`;
}

function reference(identity: WsdIdentity): string {
  return `<wsa:EndpointReference><wsa:Address>${endpointOf(identity)}</wsa:Address></wsa:EndpointReference>`;
}

function describe(identity: WsdIdentity, url: string): string {
  return (
    `${reference(identity)}<wsd:Types>${TYPES}</wsd:Types><wsd:XAddrs>${escape(url)}</wsd:XAddrs>` +
    "<wsd:MetadataVersion>1</wsd:MetadataVersion>"
  );
}

/** The text of the first element of that name, whatever its prefix; empty without one. */
function textOf(xml: string, name: string): string {
  const found = new RegExp(`<(?:[\\w.-]+:)?${name}(?:\\s[^<>]*)?>([^<]*)<`).exec(xml);
  return (found?.[1] ?? "").trim();
}

function escape(text: string): string {
  const names: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (character) => names[character] ?? "");
}

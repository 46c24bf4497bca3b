// Requests of WS-Discovery as Windows and wsdd write them, and such as nobody should send.
import { expect, test } from "bun:test";
import {
  hello,
  isLookedFor,
  metadata,
  probeMatches,
  readRequest,
} from "../../../src/manager/discovery/wsd-messages.ts";

const IDENTITY = {
  id: "11111111-2222-5333-8444-555555555555",
  computer: "BOX",
  workgroup: "HOME",
};
const encode = (text: string) => new TextEncoder().encode(text);

/** As Windows 10 writes it, after [MS-DPWSSN] 4.1. */
const probe = (types: string) => `<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:wsd="http://schemas.xmlsoap.org/ws/2005/04/discovery" xmlns:wsdp="http://schemas.xmlsoap.org/ws/2006/02/devprof">
<soap:Header><wsa:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa:To>
<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</wsa:Action>
<wsa:MessageID>urn:uuid:d60dcdfa-f3b5-4d92-8cc8-2b1f6b0f1c4e</wsa:MessageID></soap:Header>
<soap:Body><wsd:Probe>${types}</wsd:Probe></soap:Body></soap:Envelope>`;

test("a Probe for devices, for computers, or for anything is for this server; one for printers is not", () => {
  const read = (types: string) => readRequest(encode(probe(types)));
  const wants = (types: string) => {
    const request = read(types);
    return request !== undefined && isLookedFor(request);
  };
  expect(read("<wsd:Types>wsdp:Device</wsd:Types>")).toMatchObject({
    action: "Probe",
    types: ["wsdp:Device"],
  });
  expect(wants("<wsd:Types>wsdp:Device</wsd:Types>")).toBe(true);
  expect(wants("<wsd:Types>a:Device p:Computer</wsd:Types>")).toBe(true);
  expect(wants("")).toBe(true);
  expect(wants("<wsd:Types>wprt:PrintDeviceType</wsd:Types>")).toBe(false);
});

test("the answer names the message that it answers, and the server", () => {
  const request = readRequest(encode(probe("")));
  if (request === undefined) throw new Error("not read");
  const text = probeMatches(IDENTITY, "http://10.0.0.1:5357/x", { instance: 7, number: 3 }, request);
  expect(text).toContain("<wsa:RelatesTo>urn:uuid:d60dcdfa-f3b5-4d92-8cc8-2b1f6b0f1c4e</wsa:RelatesTo>");
  expect(text).toContain("<wsa:Address>urn:uuid:11111111-2222-5333-8444-555555555555</wsa:Address>");
  expect(text).toContain('<wsd:AppSequence InstanceId="7" MessageNumber="3"/>');
  expect(metadata(IDENTITY, request)).toContain("<pub:Computer>BOX/Workgroup:HOME</pub:Computer>");
});

test("names with characters of XML stay text", () => {
  const odd = { ...IDENTITY, computer: 'a<b>&"', workgroup: "</x>" };
  const request = readRequest(encode(probe("")));
  if (request === undefined) throw new Error("not read");
  expect(metadata(odd, request)).toContain(
    "<pub:Computer>a&lt;b&gt;&amp;&quot;/Workgroup:&lt;/x&gt;</pub:Computer>",
  );
  expect(hello(odd, "http://10.0.0.1:5357/x", { instance: 7, number: 1 })).not.toContain("a<b");
});

test("what is no request, too long or has an odd number gets no answer", () => {
  const good = probe("");
  for (let length = 0; length < good.length; length += 7)
    expect(readRequest(encode(good.slice(0, length)))).toBeUndefined();
  expect(readRequest(encode(good.replace("Probe</wsa:Action>", "Hello</wsa:Action>")))).toBeUndefined();
  expect(readRequest(encode(good.replace("urn:uuid:d60", "urn uuid\n")))).toBeUndefined();
  expect(readRequest(encode(good + " ".repeat(9000)))).toBeUndefined();
  expect(readRequest(new Uint8Array(500).fill(0xff))).toBeUndefined();
  // Much that opens and nothing that closes must not take long.
  const before = performance.now();
  expect(readRequest(encode("<Action ".repeat(1000)))).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(200);
});

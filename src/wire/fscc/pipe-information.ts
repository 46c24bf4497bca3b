// Information classes of named pipes.
// [MS-FSCC] 2.4, FilePipeInformation and FilePipeLocalInformation.
import { Reader, type Writer } from "../cursor.ts";

export const PipeState = { DISCONNECTED: 1, LISTENING: 2, CONNECTED: 3, CLOSING: 4 } as const;

export interface PipeInformation {
  readonly readMode: number;
  readonly completionMode: number;
}

export function encodePipeInformation(writer: Writer, value: PipeInformation): void {
  writer.u32(value.readMode);
  writer.u32(value.completionMode);
}

export function decodePipeInformation(data: Uint8Array): PipeInformation {
  const reader = new Reader(data);
  return { readMode: reader.u32(), completionMode: reader.u32() };
}

export interface PipeLocalInformation {
  readonly type: number;
  readonly configuration: number;
  readonly maximumInstances: number;
  readonly currentInstances: number;
  readonly inboundQuota: number;
  readonly readDataAvailable: number;
  readonly outboundQuota: number;
  readonly writeQuotaAvailable: number;
  readonly state: number;
  readonly end: number;
}

const LOCAL_FIELDS = [
  "type",
  "configuration",
  "maximumInstances",
  "currentInstances",
  "inboundQuota",
  "readDataAvailable",
  "outboundQuota",
  "writeQuotaAvailable",
  "state",
  "end",
] as const satisfies readonly (keyof PipeLocalInformation)[];

export function encodePipeLocalInformation(writer: Writer, value: PipeLocalInformation): void {
  for (const field of LOCAL_FIELDS) writer.u32(value[field]);
}

export function decodePipeLocalInformation(data: Uint8Array): PipeLocalInformation {
  const reader = new Reader(data);
  return {
    type: reader.u32(),
    configuration: reader.u32(),
    maximumInstances: reader.u32(),
    currentInstances: reader.u32(),
    inboundQuota: reader.u32(),
    readDataAvailable: reader.u32(),
    outboundQuota: reader.u32(),
    writeQuotaAvailable: reader.u32(),
    state: reader.u32(),
    end: reader.u32(),
  };
}

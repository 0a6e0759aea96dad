/** The event that every system carries: an invoice of about 400 bytes of JSON, unless a scenario asks for another size. */
export interface BenchEvent {
  /** Its number in the run; handlers read it from the payload, so that a system that does not parse cannot win. */
  n: number;
  eventName: string;
  sourceModule: string;
  aggregateType: string;
  aggregateId: string;
  payload: InvoicePayload;
}

export interface InvoicePayload {
  n: number;
  invoiceId: string;
  customer: { id: string; name: string; country: string };
  currency: string;
  total: number;
  lines: { sku: string; quantity: number; price: number }[];
  note: string;
}

export const DEFAULT_PAYLOAD_BYTES = 400;

const AGGREGATES = 5_000;

/** Letters and digits that do not repeat within 100 KB, so that compression cannot shrink a large payload to nothing. */
export const FILLER = pseudoRandomText(128 * 1024);

export function benchEvent(n: number, payloadBytes = DEFAULT_PAYLOAD_BYTES): BenchEvent {
  const invoiceId = `inv-${n % AGGREGATES}`;
  const payload: InvoicePayload = {
    n,
    invoiceId,
    customer: { id: `cus-${n % 977}`, name: 'Northwind Traders', country: 'DE' },
    currency: 'EUR',
    total: (n % 10_000) + 0.5,
    lines: [
      { sku: `sku-${n % 313}`, quantity: 1 + (n % 5), price: 19.9 },
      { sku: `sku-${n % 89}`, quantity: 2, price: 4.25 },
    ],
    note: '',
  };
  const missing = payloadBytes - JSON.stringify(payload).length;
  if (missing > 0) {
    const from = (n * 37) % 1024;
    payload.note = FILLER.slice(from, from + missing);
  }
  return {
    n,
    eventName: 'invoice.created',
    sourceModule: 'finance',
    aggregateType: 'invoice',
    aggregateId: invoiceId,
    payload,
  };
}

/** Events `from`, `from + 1` … `from + count - 1`, in lists of at most `size`. */
export function* benchEventChunks(
  from: number,
  count: number,
  size: number,
  payloadBytes?: number,
): Generator<BenchEvent[]> {
  for (let at = from; at < from + count; at += size) {
    const length = Math.min(size, from + count - at);
    yield Array.from({ length }, (_, i) => benchEvent(at + i, payloadBytes));
  }
}

function pseudoRandomText(length: number): string {
  let state = 0x2545f491;
  let text = '';
  while (text.length < length) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    text += (state >>> 0).toString(36);
  }
  return text.slice(0, length);
}

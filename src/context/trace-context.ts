import { isSpanContextValid, trace } from '@opentelemetry/api';

/** The active span, as the two headers of W3C Trace Context. */
export interface TraceHeaders {
  readonly traceparent: string;
  /** Undefined if the span has no state of a vendor. */
  readonly tracestate: string | undefined;
}

/** The active span as headers, or undefined if nothing is traced. */
export function activeTrace(): TraceHeaders | undefined {
  const span = trace.getActiveSpan()?.spanContext();
  if (span === undefined || !isSpanContextValid(span)) return undefined;
  const flags = span.traceFlags.toString(16).padStart(2, '0');
  const state = span.traceState?.serialize();
  return {
    traceparent: `00-${span.traceId}-${span.spanId}-${flags}`,
    tracestate: state === undefined || state === '' ? undefined : state,
  };
}

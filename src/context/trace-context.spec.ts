import { AsyncLocalStorage } from 'node:async_hooks';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type Context,
  type ContextManager,
  context,
  createTraceState,
  ROOT_CONTEXT,
  trace,
} from '@opentelemetry/api';
import { activeTrace } from './trace-context.js';

/** The smallest context manager that carries a context, as the tracing of an application does. */
class Carrier implements ContextManager {
  private readonly storage = new AsyncLocalStorage<Context>();
  active = () => this.storage.getStore() ?? ROOT_CONTEXT;
  with: ContextManager['with'] = (active, fn, self, ...args) =>
    this.storage.run(active, () => fn.call(self as ThisParameterType<typeof fn>, ...args));
  bind: ContextManager['bind'] = (_, target) => target;
  enable = () => this;
  disable = () => this;
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const inSpan = (traceFlags: number, traceId = TRACE) =>
  context.with(trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: SPAN, traceFlags }), activeTrace);

beforeEach(() => {
  context.setGlobalContextManager(new Carrier());
});
afterEach(() => {
  context.disable();
});

describe('the active trace', () => {
  it('is written as a W3C traceparent', () => {
    expect(inSpan(1)?.traceparent).toBe(`00-${TRACE}-${SPAN}-01`);
    expect(inSpan(0)?.traceparent).toBe(`00-${TRACE}-${SPAN}-00`);
  });

  it('carries the state of vendors, if there is one', () => {
    const spanContext = { traceId: TRACE, spanId: SPAN, traceFlags: 1 };
    const withState = { ...spanContext, traceState: createTraceState('vendor=a,other=b') };
    const within = (span: typeof spanContext) =>
      context.with(trace.setSpanContext(ROOT_CONTEXT, span), activeTrace)?.tracestate;
    expect(within(withState)).toBe('vendor=a,other=b');
    expect(within(spanContext)).toBeUndefined();
  });

  it('is absent where nothing is traced, or the span is not valid', () => {
    expect(activeTrace()).toBeUndefined();
    expect(inSpan(1, '0'.repeat(32))).toBeUndefined();
  });
});

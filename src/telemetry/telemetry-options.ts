import type { IntegrationMetrics } from './integration-metrics.js';

/**
 * What the engine reports through `@opentelemetry/api`. All of it is off by default, and then it costs one
 * branch for each event. The SDK that the application registers decides where the reports go.
 */
export interface TelemetryOptions {
  /**
   * Whether publishing, and each attempt of a handler, is a span. The statements of the engine's own loops
   * stay out of traces then. The default is false.
   */
  spans?: boolean | undefined;
  /**
   * How the span of a handler relates to the span that published the event. `linked`, the default, begins a
   * new trace, with a link to the publisher. `child` continues the publisher's trace in the first attempt of
   * an event that was not delayed. Later attempts, delayed events and batches are linked in any case.
   */
  handlerSpans?: 'linked' | 'child' | undefined;
  /**
   * The share of handlers' attempts that may be spans, from 0 to 1. The default is 1. The others are left out
   * before the sampler of the SDK is asked, which costs much less than a span that is not sampled. Give the
   * share here, and let the sampler of the SDK take all of them. A first attempt that continues the
   * publisher's trace, with `handlerSpans: 'child'`, is never left out, because it follows that trace.
   */
  handlerSpanRatio?: number | undefined;
  /**
   * Whether the baggage of the publisher is stored with the event and given to its handlers. It needs a
   * propagator for baggage in the SDK, and it can hold personal data. The default is false.
   */
  baggage?: boolean | undefined;
  /**
   * Whether metrics are reported. The default is false. With an `IntegrationMetrics`, which a reader of the
   * SDK has to know as well, the durations of events are counted there and cost much less.
   */
  metrics?: boolean | IntegrationMetrics | undefined;
}

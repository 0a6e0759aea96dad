import { type Attributes, context, metrics, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';

class OnDemandReader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

/** One value of a metric: a number, or the count of a histogram. */
export interface Reading {
  readonly name: string;
  readonly unit: string;
  readonly attributes: Attributes;
  readonly value: number;
}

/** An SDK of OpenTelemetry as an application registers it, which keeps what it gets. */
export class TestSdk {
  private readonly exporter = new InMemorySpanExporter();
  private readonly tracers = new NodeTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(this.exporter)],
  });
  private readonly reader = new OnDemandReader();
  private readonly meters = new MeterProvider({ readers: [this.reader] });

  register(): void {
    this.tracers.register({
      contextManager: new AsyncLocalStorageContextManager().enable(),
      propagator: new CompositePropagator({
        propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
      }),
    });
    metrics.setGlobalMeterProvider(this.meters);
  }

  async unregister(): Promise<void> {
    for (const each of [trace, context, propagation, metrics]) each.disable();
    await this.tracers.shutdown();
    await this.meters.shutdown();
  }

  /** The spans that have ended, in this order. */
  spans(name?: string): ReadableSpan[] {
    const all = this.exporter.getFinishedSpans();
    return name === undefined ? all : all.filter((span) => span.name === name);
  }

  async readings(): Promise<Reading[]> {
    const { resourceMetrics } = await this.reader.collect();
    return resourceMetrics.scopeMetrics.flatMap(({ metrics: all }) =>
      all.flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ attributes, value }) => ({
          name: descriptor.name,
          unit: descriptor.unit,
          attributes,
          value: typeof value === 'number' ? value : value.count,
        })),
      ),
    );
  }
}

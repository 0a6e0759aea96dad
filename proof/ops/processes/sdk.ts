import { writeSync } from 'node:fs';
import { metrics } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  SimpleSpanProcessor,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { IntegrationMetrics } from 'nestjs-integration';
import type { WrittenSpan } from './application-protocol.js';

class OnDemandReader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

/** Writes each span to a file as soon as it has ended, so that a kill takes none of those back. Without a file it drops them. */
class FileExporter implements SpanExporter {
  constructor(private readonly file: number | undefined) {}

  export(spans: ReadableSpan[], done: (result: { code: number }) => void): void {
    if (this.file !== undefined)
      writeSync(this.file, spans.map((span) => `${JSON.stringify(writtenOf(span))}\n`).join(''));
    done({ code: 0 });
  }

  async shutdown(): Promise<void> {}
}

/** Registers an SDK as an application does it, that samples this share of traces. */
export function registerSdk(
  sampled: number,
  file: number | undefined,
  metricProducers: IntegrationMetrics[],
): void {
  const exporter = new FileExporter(file);
  const sampler = new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sampled) });
  const processor = file === undefined ? new BatchSpanProcessor(exporter) : new SimpleSpanProcessor(exporter);
  new NodeTracerProvider({ sampler, spanProcessors: [processor] }).register({
    contextManager: new AsyncLocalStorageContextManager().enable(),
    propagator: new W3CTraceContextPropagator(),
  });
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [new OnDemandReader({ metricProducers })] }));
}

function writtenOf(span: ReadableSpan): WrittenSpan {
  const { traceId, spanId } = span.spanContext();
  return {
    name: span.name,
    traceId,
    spanId,
    attributes: span.attributes,
    links: span.links.map(({ context }) => ({ traceId: context.traceId, spanId: context.spanId })),
  };
}

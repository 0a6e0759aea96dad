// To be required before an application: OpenTelemetry's instrumentation of node-postgres, with an SDK that keeps its spans.
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { PgInstrumentation } = require('@opentelemetry/instrumentation-pg');
const { InMemorySpanExporter, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const { NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');

globalThis.exporter = new InMemorySpanExporter();
new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(globalThis.exporter)] }).register();
registerInstrumentations({ instrumentations: [new PgInstrumentation({ requireParentSpan: false })] });

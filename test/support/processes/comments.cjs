// To be required before an application: OpenTelemetry's instrumentation of node-postgres, which appends a comment to each statement.
const { registerInstrumentations } = require('@opentelemetry/instrumentation');
const { PgInstrumentation } = require('@opentelemetry/instrumentation-pg');
const { NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');

new NodeTracerProvider().register();
registerInstrumentations({
  instrumentations: [
    new PgInstrumentation({ addSqlCommenterCommentToQueries: true, requireParentSpan: false }),
  ],
});

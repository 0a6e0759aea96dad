/** The codes of all errors that webhooks raise on purpose. They are stable, so users may branch on them. */
export const WEBHOOK_ERROR_CODES = [
  'INTEGRATION_WEBHOOK_SOURCE_UNKNOWN',
  'INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN',
  'INTEGRATION_WEBHOOK_ENDPOINT_PAUSED',
  'INTEGRATION_WEBHOOK_HEADER',
  'INTEGRATION_WEBHOOK_SIGNATURE',
  'INTEGRATION_WEBHOOK_TIMESTAMP',
  'INTEGRATION_WEBHOOK_REPEATED',
  'INTEGRATION_WEBHOOK_PAYLOAD_INVALID',
  'INTEGRATION_WEBHOOK_RAW_BODY_MISSING',
  'INTEGRATION_WEBHOOK_TOO_LARGE',
] as const;

declare module '../errors.js' {
  interface IntegrationErrorCodes extends Record<(typeof WEBHOOK_ERROR_CODES)[number], true> {}
}

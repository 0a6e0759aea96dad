/** The codes of the errors of requests through a connection. */
export const HTTP_ERROR_CODES = [
  'INTEGRATION_HTTP_FAILED',
  'INTEGRATION_HTTP_TIMEOUT',
  'INTEGRATION_HTTP_TOO_LARGE',
  'INTEGRATION_HTTP_ORIGIN_REFUSED',
  'INTEGRATION_HTTP_ADDRESS_REFUSED',
  'INTEGRATION_RATE_LIMITED',
  'INTEGRATION_CIRCUIT_OPEN',
  'INTEGRATION_PAGINATION_LOOP',
] as const;

declare module '../../errors.js' {
  interface IntegrationErrorCodes extends Record<(typeof HTTP_ERROR_CODES)[number], true> {}
}

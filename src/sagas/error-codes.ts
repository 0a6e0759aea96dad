/** The codes of all errors that sagas raise on purpose. They are stable, so users may branch on them. */
export const SAGA_ERROR_CODES = [
  'INTEGRATION_SAGA_INVALID',
  'INTEGRATION_SAGA_UNKNOWN',
  'INTEGRATION_SAGA_STATE',
  'INTEGRATION_SAGA_LIMIT',
] as const;

declare module '../errors.js' {
  interface IntegrationErrorCodes extends Record<(typeof SAGA_ERROR_CODES)[number], true> {}
}

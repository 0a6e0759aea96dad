/** The codes of all errors that calls raise on purpose. They are stable, so users may branch on them. */
export const CALL_ERROR_CODES = [
  'INTEGRATION_CALL_INVALID',
  'INTEGRATION_CALL_UNKNOWN',
  'INTEGRATION_CALL_STATE',
  'INTEGRATION_CALL_TYPE_UNKNOWN',
  'INTEGRATION_CALL_OUTCOME_UNKNOWN',
  'INTEGRATION_CALL_DEADLINE',
  'INTEGRATION_CALL_EXTERNAL_ID_TAKEN',
] as const;

declare module '../errors.js' {
  interface IntegrationErrorCodes extends Record<(typeof CALL_ERROR_CODES)[number], true> {}
}

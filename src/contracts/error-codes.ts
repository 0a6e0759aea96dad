/** The codes of all errors that contracts raise on purpose. They are stable, so users may branch on them. */
export const CONTRACT_ERROR_CODES = [
  'INTEGRATION_CONTRACT_VIOLATION',
  'INTEGRATION_CONTRACT_DUPLICATE',
  'INTEGRATION_CONTRACT_CHANGED',
  'INTEGRATION_CONTRACT_BREAKING',
  'INTEGRATION_CONTRACT_UPCAST_FAILED',
] as const;

declare module '../errors.js' {
  interface IntegrationErrorCodes extends Record<(typeof CONTRACT_ERROR_CODES)[number], true> {}
}

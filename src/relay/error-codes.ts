/** The codes of all errors that relays raise on purpose. They are stable, so users may branch on them. */
export const RELAY_ERROR_CODES = ['INTEGRATION_RELAY_INVALID'] as const;

declare module '../errors.js' {
  interface IntegrationErrorCodes extends Record<(typeof RELAY_ERROR_CODES)[number], true> {}
}

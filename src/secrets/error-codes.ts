/** The codes of all errors that secrets raise on purpose. They are stable, so users may branch on them. */
export const SECRET_ERROR_CODES = ['INTEGRATION_KEY_MISSING', 'INTEGRATION_SECRET_UNREADABLE'] as const;

declare module '../errors.js' {
  interface IntegrationErrorCodes extends Record<(typeof SECRET_ERROR_CODES)[number], true> {}
}

/** The codes of all errors that schedules raise on purpose. They are stable, so users may branch on them. */
export const SCHEDULE_ERROR_CODES = ['INTEGRATION_SCHEDULE_INVALID', 'INTEGRATION_SCHEDULE_UNKNOWN'] as const;

declare module '../errors.js' {
  interface IntegrationErrorCodes extends Record<(typeof SCHEDULE_ERROR_CODES)[number], true> {}
}

/** What is asked of the process with schedules. */
export interface ScheduleCommands {
  /** Waits for `seconds`. Answers the milliseconds of the processor, and how many jobs ran. */
  use: [given: { seconds: number }, answer: { readonly cpuMs: number; readonly runs: number }];
  /** Tells the ticker that the table was written. */
  wake: [given: object, answer: undefined];
}

/** Who runs the jobs: schedules of this package, or `@nestjs/schedule`. */
export const WAYS = ['schedules', 'nest'] as const;
export type Way = (typeof WAYS)[number];

export const JOBS = 20;
export const EVERY_SECONDS = 5;

/** An application with schedules, as it is started. */
export interface TickingSetup {
  readonly databaseUrl: string;
}

export interface ProofSchedule {
  readonly name: string;
  readonly every?: number;
  readonly cron?: string;
  readonly limit?: number;
  readonly missed?: 'once' | 'skip' | 'all';
  readonly overlap?: 'skip' | 'queue';
}

export interface TickingRequest {
  readonly kind: 'schedule';
  readonly schedules: readonly ProofSchedule[];
}

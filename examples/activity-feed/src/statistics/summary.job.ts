import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { SchedulerRegistry } from '@nestjs/schedule';
import type { Environment } from '../config/environment.js';
import { SummaryService } from './summary.service.js';

const NAME = 'statistics.summary';

/** Runs in every process that counts. An interval of the registry, since `@Interval` cannot read the configuration. */
@Injectable()
export class SummaryJob implements OnModuleInit, OnModuleDestroy {
  private readonly logger = new Logger(SummaryJob.name);
  private running: Promise<unknown> | undefined;

  constructor(
    private readonly scheduler: SchedulerRegistry,
    private readonly summaries: SummaryService,
    private readonly config: ConfigService<Environment, true>,
  ) {}

  onModuleInit(): void {
    if (this.config.get('PROCESS_ROLE', { infer: true }) === 'publisher') return;
    const everyMs = this.config.get('SUMMARY_INTERVAL_MS', { infer: true });
    this.scheduler.addInterval(
      NAME,
      setInterval(() => this.tick(), everyMs),
    );
  }

  /** Ends the interval and waits for the run that it may have started. */
  async onModuleDestroy(): Promise<void> {
    if (this.scheduler.doesExist('interval', NAME)) this.scheduler.deleteInterval(NAME);
    await this.running;
  }

  private tick(): void {
    // A slow run is not joined by a second one, and a failed one is made good by the next: nothing was marked as reported.
    this.running ??= this.summaries
      .publishChanges()
      .catch((error: unknown) => this.logger.warn(`The summary has to wait: ${String(error)}`))
      .finally(() => {
        this.running = undefined;
      });
  }
}

import { Injectable } from '@nestjs/common';
import { IntegrationSchedule } from 'nestjs-integration/schedules';
import { validateEnvironment } from '../config/environment.js';
import { SUMMARY, SummaryService } from './summary.service.js';

@Injectable()
export class SummaryJob {
  constructor(private readonly summaries: SummaryService) {}

  /**
   * Runs in one of all processes that count, and not beside itself. In an application it would be due once a day; a run of the
   * demo has no time for that. A run that fails is tried again, and nothing was marked as reported.
   */
  @IntegrationSchedule({
    name: SUMMARY,
    every: validateEnvironment(process.env).SUMMARY_INTERVAL_MS,
    overlap: 'skip',
  })
  async publishChanges(): Promise<void> {
    await this.summaries.publishChanges();
  }
}

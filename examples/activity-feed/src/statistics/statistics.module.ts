import { Module } from '@nestjs/common';
import { StatisticsSubscriber } from './statistics.subscriber.js';
import { SummaryJob } from './summary.job.js';
import { SummaryService } from './summary.service.js';

@Module({ providers: [StatisticsSubscriber, SummaryService, SummaryJob] })
export class StatisticsModule {}

import { Module } from '@nestjs/common';
import { ContractsModule } from 'nestjs-integration/contracts';
import { statisticsSummarized } from '../events.js';
import { MemoryJob } from './memory.job.js';
import { StatisticsSubscriber } from './statistics.subscriber.js';
import { SummaryJob } from './summary.job.js';
import { SummaryService } from './summary.service.js';

@Module({
  imports: [ContractsModule.forFeature([statisticsSummarized])],
  providers: [StatisticsSubscriber, SummaryService, SummaryJob, MemoryJob],
})
export class StatisticsModule {}

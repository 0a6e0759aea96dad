import { Module } from '@nestjs/common';
import { ContractsModule } from 'nestjs-integration/contracts';
import { activityRecorded } from '../events.js';
import { DeliveriesSubscriber } from './deliveries.subscriber.js';

@Module({
  imports: [ContractsModule.forFeature([activityRecorded])],
  providers: [DeliveriesSubscriber],
})
export class DeliveriesModule {}

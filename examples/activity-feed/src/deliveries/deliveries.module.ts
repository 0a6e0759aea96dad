import { Module } from '@nestjs/common';
import { DeliveriesSubscriber } from './deliveries.subscriber.js';

@Module({ providers: [DeliveriesSubscriber] })
export class DeliveriesModule {}

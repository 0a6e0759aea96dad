import { Module } from '@nestjs/common';
import { BillingSubscriber } from './billing.subscriber';

@Module({ providers: [BillingSubscriber] })
export class BillingModule {}

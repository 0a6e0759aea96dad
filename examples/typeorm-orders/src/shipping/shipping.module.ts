import { Module } from '@nestjs/common';
import { Carrier } from './carrier';
import { ShippingSubscriber } from './shipping.subscriber';

@Module({ providers: [Carrier, ShippingSubscriber], exports: [Carrier] })
export class ShippingModule {}

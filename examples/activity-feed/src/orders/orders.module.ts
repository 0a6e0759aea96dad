import { Module } from '@nestjs/common';
import { PaymentCalls } from './payment.calls.js';
import { PrintOrderSaga } from './print-order.saga.js';
import { PrintOrdersService } from './print-orders.service.js';

@Module({ providers: [PaymentCalls, PrintOrderSaga, PrintOrdersService], exports: [PrintOrdersService] })
export class OrdersModule {}

import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IntegrationModule } from 'nestjs-integration';
import { fromTypeOrm } from 'nestjs-integration/typeorm';
import { DataSource } from 'typeorm';
import { BillingModule } from './billing/billing.module';
import { Invoice } from './billing/invoice.entity';
import { Order } from './orders/order.entity';
import { OrdersModule } from './orders/orders.module';
import { Shipment } from './shipping/shipment.entity';
import { ShippingModule } from './shipping/shipping.module';
import './events';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: 'postgres',
        url: process.env.DATABASE_URL,
        entities: [Order, Invoice, Shipment],
        // For an example. An application that keeps its data has migrations.
        synchronize: true,
      }),
    }),
    // Without `connectionString` the engine's own connections take DATABASE_URL as well.
    IntegrationModule.forRoot({ clientToken: DataSource, adapter: fromTypeOrm, migrations: 'run' }),
    OrdersModule,
    BillingModule,
    ShippingModule,
  ],
})
export class AppModule {}

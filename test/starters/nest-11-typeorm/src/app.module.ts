import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { IntegrationModule } from 'nestjs-integration';
import { DataSource } from 'typeorm';
import { Greeting } from './greeting.entity';
import { GreetingsService } from './greetings.service';
import { clientOfDataSource } from './typeorm-client';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({
        type: 'postgres',
        url: process.env.DATABASE_URL,
        entities: [Greeting],
        synchronize: true,
      }),
    }),
    IntegrationModule.forRootAsync({
      inject: [DataSource],
      useFactory: (source: DataSource) => ({ client: clientOfDataSource(source), migrations: 'run' }),
    }),
  ],
  providers: [GreetingsService],
})
export class AppModule {}

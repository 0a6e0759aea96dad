import { Module } from '@nestjs/common';
import { IntegrationModule } from 'nestjs-integration';
import { GreetingsService } from './greetings.service.js';

@Module({
  // Without connectionString the module reads DATABASE_URL.
  imports: [IntegrationModule.forRoot({ migrations: 'run' })],
  providers: [GreetingsService],
})
export class AppModule {}

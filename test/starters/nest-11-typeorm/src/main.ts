import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module';
import { GreetingsService } from './greetings.service';

async function bootstrap(): Promise<void> {
  const app = await NestFactory.createApplicationContext(AppModule, { logger: ['error', 'warn'] });
  const greetings = app.get(GreetingsService);
  const outboxEventId = await greetings.greet('Ada');
  const payload = await greetings.heard;
  console.log(JSON.stringify({ outboxEventId, payload }));
  await app.close();
}

bootstrap().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});

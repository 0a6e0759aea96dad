import { type NestApplicationOptions, type Type, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

/** The application, ready to listen. */
export async function createApplication(
  options: NestApplicationOptions = {},
  root: Type = AppModule,
): Promise<NestExpressApplication> {
  const app = await NestFactory.create<NestExpressApplication>(root, options);
  // Express reads 100 kB by default. GitHub sends more, and a payload of the outbox may have up to 1 MiB.
  app.useBodyParser('json', { limit: '1mb' });
  // Custom decorators too: the headers of a delivery come through one. No `transform`: the payload is stored as it came.
  app.useGlobalPipes(new ValidationPipe({ validateCustomDecorators: true }));
  return app;
}

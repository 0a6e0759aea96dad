import type { NestApplicationOptions, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';

/** The application, ready to listen. The module of webhooks reads their bodies itself. */
export function createApplication(
  options: NestApplicationOptions = {},
  root: Type = AppModule,
): Promise<NestExpressApplication> {
  return NestFactory.create<NestExpressApplication>(root, options);
}

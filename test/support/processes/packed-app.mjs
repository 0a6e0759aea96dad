// An application that has the package and none of the optional peers. Prints what it met as one line of JSON.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  EventSubscriberRegistry,
  IntegrationDeveloperApiService,
  IntegrationModule,
} from 'nestjs-integration';
import { clsAmbient } from 'nestjs-integration/cls';
import { ContractsModule, classSchema, defineEvent, jsonSchema } from 'nestjs-integration/contracts';
import { fromDrizzle } from 'nestjs-integration/drizzle';
import { fromKnex } from 'nestjs-integration/knex';
import { fromKysely } from 'nestjs-integration/kysely';
import { fromMikroOrm } from 'nestjs-integration/mikro-orm';
import { fromPg } from 'nestjs-integration/pg';
import { fromPostgresJs } from 'nestjs-integration/postgres-js';
import { SecretsModule } from 'nestjs-integration/secrets';
import { fromSequelize } from 'nestjs-integration/sequelize';
import { fromTypeOrm, typeOrmAmbient } from 'nestjs-integration/typeorm';
import { githubSource, WebhooksModule } from 'nestjs-integration/webhooks';

const connectionString = process.env.DATABASE_URL;

class AppModule {}
Module({
  imports: [
    IntegrationModule.forRoot({ connectionString }),
    ContractsModule.forRoot(),
    SecretsModule.forRoot(),
    WebhooksModule.forRoot({ incoming: { sources: [githubSource({ secrets: 'endpoint' })] } }),
  ],
})(AppModule);

const app = await NestFactory.createApplicationContext(AppModule, { logger: false });
const handled = new Promise((resolve) => {
  app.get(EventSubscriberRegistry).registerHandler({
    eventName: 'thing.changed',
    consumerName: 'packed',
    handler: async ({ payload }) => resolve(payload),
  });
});
await app.init();
const api = app.get(IntegrationDeveloperApiService);
await api.transaction((tx) => api.for('packed', 'thing').publish('thing.changed', '1', { name: 'Ada' }, tx));
const payload = await handled;
await app.close();

const given = {
  fromDrizzle,
  fromKnex,
  fromKysely,
  fromMikroOrm,
  fromPg,
  fromPostgresJs,
  fromSequelize,
  fromTypeOrm,
};
const refused = Object.entries({ ...given, typeOrmAmbient, clsAmbient }).map(([name, adapt]) => {
  try {
    adapt(undefined);
    return { name };
  } catch (error) {
    return { name, code: error.code, message: error.message };
  }
});

const missing = [];
for (const schema of [jsonSchema({ type: 'object' }), classSchema(AppModule)]) {
  const contracts = [defineEvent({ name: 'thing.changed', schema })];
  class ContractedModule {}
  Module({
    imports: [
      IntegrationModule.forRoot({ connectionString }),
      ContractsModule.forRoot(),
      ContractsModule.forFeature(contracts),
    ],
  })(ContractedModule);
  await NestFactory.createApplicationContext(ContractedModule, { logger: false, abortOnError: false }).then(
    (each) => each.close(),
    ({ code, details }) => missing.push({ code, install: details?.install }),
  );
}
console.log(JSON.stringify({ payload, refused, missing }));

// An application with a schedule. HOST says how it loads modules. Prints what it met as one line of JSON.
require('reflect-metadata');

const load = process.env.HOST === 'esm' ? (name) => import(name) : async (name) => require(name);
const connectionString = process.env.DATABASE_URL;

async function main() {
  const { Module } = await load('@nestjs/common');
  const { NestFactory } = await load('@nestjs/core');
  const { IntegrationModule } = await load('nestjs-integration');
  const { IntegrationSchedule, SchedulesModule } = await load('nestjs-integration/schedules');
  const { runSchedule } = await load('nestjs-integration/testing');

  class Jobs {
    run() {}
  }
  const method = Object.getOwnPropertyDescriptor(Jobs.prototype, 'run');
  IntegrationSchedule({ name: 'packed', cron: '0 2 * * *' })(Jobs.prototype, 'run', method);
  class AppModule {}
  Module({
    imports: [IntegrationModule.forRoot({ connectionString }), SchedulesModule.forRoot()],
    providers: [Jobs],
  })(AppModule);
  try {
    const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
    const { status, cause } = await runSchedule(app, 'packed');
    await app.close();
    console.log(JSON.stringify({ status, cause }));
  } catch ({ code, details }) {
    console.log(JSON.stringify({ code, install: details?.install }));
  }
}

main();

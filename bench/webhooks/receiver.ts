// The process that takes webhooks in: a Nest application with the routes of the package, and one that does a single INSERT.
import { Controller, Module, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { IntegrationModule } from 'nestjs-integration';
import { githubSource, WebhooksModule } from 'nestjs-integration/webhooks';
import pg from 'pg';
import { type ReceiverAnswer, SECRET } from './receiver-protocol.js';
import { CREATE_BARE, INSERT_BARE } from './webhooks.store.js';

const url = process.env.RECEIVER_DATABASE_URL ?? '';
const pool = new pg.Pool({ connectionString: url, max: 10 });

interface BareRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly rawBody: Buffer;
}

/** What somebody writes who wants nothing but the bytes in a table. */
@Controller('bare')
class BareController {
  @Post()
  async receive(@Req() { headers, rawBody }: BareRequest): Promise<object> {
    await pool.query(INSERT_BARE, [headers['x-github-delivery'], rawBody]);
    return { status: 'accepted' };
  }
}

@Module({
  imports: [
    IntegrationModule.forRoot({ connectionString: url, migrations: 'run', role: 'publisher' }),
    WebhooksModule.forRoot({ incoming: { sources: [githubSource({ secrets: SECRET })] } }),
  ],
  controllers: [BareController],
})
class ReceiverModule {}

const app = await NestFactory.create<NestExpressApplication>(ReceiverModule, {
  logger: ['error', 'warn'],
  rawBody: true,
});
await pool.query(CREATE_BARE);
await app.listen(0, '127.0.0.1');
process.on('disconnect', () => {
  app
    .close()
    .then(() => pool.end())
    .then(() => process.exit(0));
});
process.send?.({ url: await app.getUrl() } satisfies ReceiverAnswer);

import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type DomainEventInput, DomainEventPublisher, IntegrationModule } from 'nestjs-integration';
import { ContractsModule, defineEvent } from 'nestjs-integration/contracts';
import { z } from 'zod';
import { median } from '../harness/statistics.js';
import type { Bench, Scenario } from './scenario.js';

const ALLOWED = 1.15;
const BLOCK = 50;
const ROUNDS = 12;
const QUICK_ROUNDS = 5;
const PLAIN = 'bench.plain';

const schema = z.object({
  orderId: z.string().min(1),
  total: z.number().min(0),
  currency: z.string().length(3),
  customer: z.object({ id: z.string(), name: z.string(), tags: z.array(z.string()) }),
  lines: z.array(z.object({ sku: z.string(), count: z.number().int(), price: z.number() })),
});

const contract = defineEvent({ name: 'bench.contract', schema });

const PAYLOAD: z.input<typeof schema> = {
  orderId: 'o-1',
  total: 129.5,
  currency: 'EUR',
  customer: { id: 'c-1', name: 'Ada', tags: ['new', 'web'] },
  lines: [1, 2, 3, 4].map((count) => ({ sku: `sku-${count}`, count, price: 12.5 })),
};

interface Round {
  readonly plainMs: number;
  readonly contractMs: number;
  readonly schemaMs: number;
  readonly ratio: number;
}

export const publishContract: Scenario = {
  name: 'publish-contract',
  promise: 'publishing under a zod contract beside publishing without one, the time of the schema taken off',
  run: async (bench: Bench) => {
    const rounds = await measure(bench);
    const ratio = median(rounds.map((round) => round.ratio));
    bench.report.table(
      `Publishing under a contract, one event a statement (${rounds.length} rounds)`,
      ['without ms', 'with ms', 'schema ms', '×', 'lowest', 'highest'],
      [
        [
          median(rounds.map(({ plainMs }) => plainMs)),
          median(rounds.map(({ contractMs }) => contractMs)),
          median(rounds.map(({ schemaMs }) => schemaMs)),
          ratio,
          Math.min(...rounds.map((round) => round.ratio)),
          Math.max(...rounds.map((round) => round.ratio)),
        ],
      ],
    );
    bench.report.detail('publish-contract', rounds);
    bench.report.atMost('publish-zod-contract-vs-none', ratio, ALLOWED);
  },
};

/** One application publishes both, in blocks in turn, so that whatever else the machine does falls on both. */
async function measure({ server, sizes }: Bench): Promise<Round[]> {
  const database = server.nameDatabase();
  await server.create(database);
  try {
    class BenchModule {}
    Module({
      imports: [
        IntegrationModule.forRoot({ connectionString: database.url, migrations: 'run', role: 'publisher' }),
        ContractsModule.forRoot(),
        ContractsModule.forFeature([contract]),
      ],
    })(BenchModule);
    const app = await NestFactory.createApplicationContext(BenchModule, { logger: ['error', 'warn'] });
    const publisher = app.get(DomainEventPublisher);
    const publish = (eventName: string) => () => publisher.publishEvent(eventOf(eventName));
    const [plain, under] = [publish(PLAIN), publish(contract.name)];
    const transactions = sizes.quick ? 400 : 2_000;
    await round(plain, under, sizes.quick ? 1_000 : 4_000);
    const rounds: Round[] = [];
    for (let done = 0; done < (sizes.quick ? QUICK_ROUNDS : ROUNDS); done++)
      rounds.push(await round(plain, under, transactions));
    await app.close();
    return rounds;
  } finally {
    await database.drop();
  }
}

function eventOf(eventName: string): DomainEventInput {
  return { eventName, sourceModule: 'bench', aggregateType: 'order', aggregateId: '1', payload: PAYLOAD };
}

async function round(
  plain: () => Promise<unknown>,
  under: () => Promise<unknown>,
  transactions: number,
): Promise<Round> {
  const times = { plain: [] as number[], under: [] as number[], schema: [] as number[] };
  for (let done = 0; done < transactions; done += BLOCK) {
    times.plain.push(await timeBlock(plain));
    times.under.push(await timeBlock(under));
    times.schema.push(await timeBlock(() => schema['~standard'].validate(PAYLOAD)));
  }
  const plainMs = median(times.plain);
  const contractMs = median(times.under);
  const schemaMs = median(times.schema);
  return { plainMs, contractMs, schemaMs, ratio: (contractMs - schemaMs) / plainMs };
}

/** Milliseconds for one. */
async function timeBlock(work: () => unknown): Promise<number> {
  const startedAt = performance.now();
  for (let index = 0; index < BLOCK; index++) await work();
  return (performance.now() - startedAt) / BLOCK;
}

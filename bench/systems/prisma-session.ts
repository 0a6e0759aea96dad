import { PrismaPg } from '@prisma/adapter-pg';
import { type Prisma, PrismaClient } from '../generated/prisma/client.js';
import type { BenchEvent } from './bench-event.js';
import type { Publisher, Write } from './measured-system.js';
import { insertPlainByPrisma } from './plain-table.store.js';

export function openPrisma(url: string): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
}

type Insert = (tx: Prisma.TransactionClient, event: BenchEvent) => PromiseLike<unknown>;

/** A writer that inserts inside an interactive transaction of a Prisma client of its own. */
export async function openPrismaPublisher(url: string, insert: Insert): Promise<Publisher> {
  const prisma = openPrisma(url);
  await prisma.$connect();
  const writeBy =
    (write: Insert): Write =>
    async (event) => {
      await prisma.$transaction(async (tx) => {
        await write(tx, event);
      });
    };
  return {
    publish: writeBy(insert),
    insertBare: writeBy(insertPlainByPrisma),
    close: () => prisma.$disconnect(),
  };
}

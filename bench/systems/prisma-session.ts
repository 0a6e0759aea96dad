import { PrismaPg } from '@prisma/adapter-pg';
import { type Prisma, PrismaClient } from '../generated/prisma/client.js';
import type { BenchEvent } from './bench-event.js';
import type { Publisher } from './measured-system.js';

export function openPrisma(url: string): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
}

/** A writer that inserts inside an interactive transaction of a Prisma client of its own. */
export async function openPrismaPublisher(
  url: string,
  insert: (tx: Prisma.TransactionClient, event: BenchEvent) => PromiseLike<unknown>,
): Promise<Publisher> {
  const prisma = openPrisma(url);
  await prisma.$connect();
  return {
    publish: async (event) => {
      await prisma.$transaction(async (tx) => {
        await insert(tx, event);
      });
    },
    close: () => prisma.$disconnect(),
  };
}

import { Injectable } from '@nestjs/common';
import { DomainEventPublisher, type PublishedEvent } from 'nestjs-integration';
import type { Prisma } from '../generated/prisma/client.js';
import { PrismaService } from '../prisma/prisma.service.js';

/** The name of its schedule. */
export const SUMMARY = 'statistics.summary';

@Injectable()
export class SummaryService {
  constructor(
    private readonly prisma: PrismaService,
    private readonly publisher: DomainEventPublisher,
  ) {}

  /**
   * Publishes what was counted since the last summary, if anything was. Safe to call in every process at once: the number's row
   * lock lets one at a time through, and those after it find the changes reported.
   *
   * The transaction is Prisma's own here. The publisher needs nothing but its client; it sees for itself when it commits.
   */
  async publishChanges(): Promise<PublishedEvent | undefined> {
    if ((await this.prisma.statistic.count({ where: this.changed() })) === 0) return undefined;
    return this.prisma.$transaction(async (tx) => {
      const number = await this.nextNumber(tx);
      const statistics = await tx.statistic.findMany({ where: this.changed() });
      for (const { count, subjectType, subjectId, kind } of statistics) {
        await tx.statistic.update({
          where: { subjectType_subjectId_kind: { subjectType, subjectId, kind } },
          // What was read, not what is there now: an event counted meanwhile belongs to the next summary.
          data: { reported: count },
        });
      }
      return this.publisher.publishEvent(
        {
          eventName: 'statistics.summarized',
          sourceModule: 'statistics',
          aggregateType: 'summary',
          aggregateId: 'activity-feed',
          payload: {
            number,
            changes: statistics.map(({ subjectType, subjectId, kind, count, reported }) => ({
              subjectType,
              subjectId,
              kind,
              added: count - reported,
            })),
          },
        },
        { persistenceClient: tx },
      );
    });
  }

  private async nextNumber(tx: Prisma.TransactionClient): Promise<number> {
    const { latest } = await tx.summaryNumber.upsert({
      where: { id: 1 },
      create: { id: 1 },
      update: { latest: { increment: 1 } },
    });
    return latest;
  }

  private changed(): Prisma.StatisticWhereInput {
    return { count: { gt: this.prisma.statistic.fields.reported } };
  }
}

import { Injectable, Logger } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';

const EVERY_MS = 60_000;

/** Each process says for itself how much memory it has: work that is not shared, so a timer is enough. */
@Injectable()
export class MemoryJob {
  private readonly logger = new Logger(MemoryJob.name);

  @Interval(EVERY_MS)
  tell(): void {
    this.logger.debug(`${Math.round(process.memoryUsage().rss / 2 ** 20)} MB`);
  }
}

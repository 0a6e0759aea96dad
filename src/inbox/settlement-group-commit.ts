import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { PositionSet } from '../log/position-set.js';
import type { CursorKey } from './inbox-status.js';
import { type PositionsOfACursor, type Settlement, SettlementStore } from './settlement.store.js';

interface Request extends PositionsOfACursor {
  readonly answer: (held: boolean | Promise<boolean>) => void;
  readonly refuse: (error: unknown) => void;
}

/**
 * Joins the saves of several cursors that are asked for in one turn of the process. Saves that contain only
 * positions become one statement and one commit, because single commits cost a good part of the time of a
 * backlog.
 *
 * Each cursor is fenced by its own token, as in a save of its own. A cursor whose row somebody holds is
 * skipped. So no cursor waits for the row of another one, and cursors cannot wait for each other in a circle.
 * A skipped cursor is saved by itself afterwards. So is a cursor whose token did not match, because the
 * single save reports the lost lease. After a loss nothing is saved again: what was handled before says
 * nothing about the positions of a server that lost commits. If a group commit fails, it fails for each of
 * its cursors, and they keep what they had to save.
 */
@Injectable()
export class SettlementGroupCommit
  implements Pick<SettlementStore, 'settle' | 'settlePositions' | 'settleMany' | 'settleCovered'>
{
  private asking: Request[] = [];
  private losses = 0;

  constructor(
    private readonly store: SettlementStore,
    db: EngineDatabase,
  ) {
    db.losses$.subscribe(() => this.losses++);
  }

  settlePositions(key: CursorKey, token: string, positions: string, readUpto: number): Promise<boolean> {
    return new Promise((answer, refuse) => {
      const request = { key, token, positions, readUpto, answer, refuse };
      // One statement can change each row only once, so a second save of the same cursor is sent alone.
      if (this.asking.some((other) => other.token === token)) return this.sendAlone(request);
      this.asking.push(request);
      if (this.asking.length === 1) process.nextTick(() => this.sendAll());
    });
  }

  settleCovered(
    key: CursorKey,
    token: string,
    positions: string,
    covered: readonly string[],
  ): Promise<boolean> {
    return this.store.settleCovered(key, token, positions, covered);
  }

  settleMany(key: CursorKey, token: string, positions: PositionSet): Promise<boolean> {
    return this.store.settleMany(key, token, positions);
  }

  settle(key: CursorKey, token: string, settlement: Settlement) {
    return this.store.settle(key, token, settlement);
  }

  private sendAll(): void {
    const requests = this.asking;
    this.asking = [];
    const [only, ...others] = requests;
    if (only !== undefined && others.length === 0) this.sendAlone(only);
    else
      this.sendTogether(requests).catch((error) => {
        for (const { refuse } of requests) refuse(error);
      });
  }

  private async sendTogether(requests: readonly Request[]): Promise<void> {
    const lossesBefore = this.losses;
    const settled = new Set(await this.store.settleTogether(requests));
    for (const request of requests) {
      if (settled.has(request.token)) request.answer(true);
      else if (this.losses === lossesBefore) this.sendAlone(request);
      else request.refuse(new Error('a connection was lost meanwhile'));
    }
  }

  private sendAlone({ key, token, positions, readUpto, answer }: Request): void {
    answer(this.store.settlePositions(key, token, positions, readUpto));
  }
}

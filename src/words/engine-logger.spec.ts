import { afterEach, describe, expect, it } from '@jest/globals';
import { hearLog, silenceLog } from '../../test/support/log-lines.js';
import { loggerOf } from './engine-logger.js';
import { DEFAULT_ENGINE } from './engine-name.js';
import { RepeatedFailures } from './repeated-failures.js';

const ENGINE = { engine: DEFAULT_ENGINE };

describe('a failure of several parts', () => {
  afterEach(silenceLog);

  it('is said by the first of those that share their repeated failures, and by every other part', () => {
    const said = hearLog();
    const shared = new RepeatedFailures();
    for (const part of ['a', 'b']) loggerOf(part, ENGINE, shared).warnOfFailure('no answer');
    for (const part of ['c', 'd']) loggerOf(part, ENGINE).warnOfFailure('no answer');
    expect(said.all.map(({ context }) => context)).toEqual(['a', 'c', 'd']);
  });
});

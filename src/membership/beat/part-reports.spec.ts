import { describe, expect, it } from '@jest/globals';
import { PartReports } from './part-reports.js';

describe('what parts say of a process', () => {
  it('is nothing where there is no part', () => {
    expect(new PartReports().json()).toBeNull();
  });

  it('has the report of each part at this moment, and leaves out one that fails', () => {
    const reports = new PartReports();
    let sent = 1;
    reports.add('relay', () => ({ sent }));
    reports.add('broken', () => {
      throw new Error('not now');
    });
    expect(reports.json()).toBe('{"relay":{"sent":1}}');
    sent = 2;
    expect(reports.json()).toBe('{"relay":{"sent":2}}');
  });

  it('has no text that Postgres refuses', () => {
    const reports = new PartReports();
    reports.add('relay', () => ({ words: ['a\0b \ud800 \\u0000'] }));
    expect(JSON.parse(reports.json() ?? '')).toEqual({
      relay: { words: ['a\ufffdb \ufffd \\u0000'] },
    });
  });
});

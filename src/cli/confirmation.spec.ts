import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { terminalOver } from './confirmation.js';

function asking(): { readonly input: PassThrough; readonly answer: Promise<string> } {
  const input = new PassThrough();
  return { input, answer: terminalOver(input, new PassThrough()).ask('Go on? ') };
}

describe('a question at a terminal', () => {
  it('has the answer that was typed', async () => {
    const { input, answer } = asking();
    input.write('yes\n');
    expect(await answer).toBe('yes');
  });

  it('has no answer if the input ends, as Ctrl-D ends it', async () => {
    const { input, answer } = asking();
    input.end();
    expect(await answer).toBe('');
  });
});

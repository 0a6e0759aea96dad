import { describe, expect, it } from '@jest/globals';
import { problemOfTemplate } from './link-templates.js';

describe('problemOfTemplate', () => {
  it('takes addresses of sites that name what is known', () => {
    expect(problemOfTemplate('trace', 'https://traces.example.com/{traceId}')).toBeUndefined();
    expect(problemOfTemplate('log', 'http://127.0.0.1:3000/?q={eventId}&c={correlationId}')).toBeUndefined();
    expect(problemOfTemplate('host', 'https://hosts.example.com/#{host}:{pid}')).toBeUndefined();
  });

  it.each([
    ['trace', 7, 'links.trace must be a text such as "https://example.com/{traceId}"'],
    [
      'trace',
      'https://example.com/{host}',
      'links.trace has {host}, and only {traceId}, {correlationId}, {eventId} can stand there',
    ],
    ['host', 'https://example.com/', 'links.host names nothing: write it as "https://example.com/{host}"'],
    [
      'log',
      'javascript:alert({eventId})',
      'links.log must begin with the address of a site, such as "https://example.com/{traceId}"',
    ],
    [
      'log',
      '/logs/{eventId}',
      'links.log must begin with the address of a site, such as "https://example.com/{traceId}"',
    ],
    // An id that somebody else has chosen must not choose the site.
    [
      'trace',
      'https://{traceId}.example.com/',
      'links.trace must begin with the address of a site, such as "https://example.com/{traceId}"',
    ],
    [
      'trace',
      'https://example.com{traceId}/',
      'links.trace must begin with the address of a site, such as "https://example.com/{traceId}"',
    ],
  ] as const)('says of %s %j what is wrong', (name, template, problem) => {
    expect(problemOfTemplate(name, template)).toBe(problem);
  });
});

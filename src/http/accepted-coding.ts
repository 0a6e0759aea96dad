import { headerOf, type ServerRequest } from './server-request.js';

/** Whether a request takes an answer in a coding such as `gzip`. One with the weight 0 is refused. */
export function acceptsCoding(request: ServerRequest, coding: string): boolean {
  return (headerOf(request, 'accept-encoding') ?? '')
    .split(',')
    .map((each) =>
      each
        .trim()
        .toLowerCase()
        .split(/\s*;\s*/),
    )
    .some(([name, weight]) => name === coding && !/^q=0(?:\.0*)?$/.test(weight ?? ''));
}

import { Injectable } from '@nestjs/common';
import { ProcessService } from '../../membership/process.service.js';
import { flag, optional, text } from '../../rest/field.js';
import { limit } from '../../rest/route.js';
import { ProcessPage } from '../answers/processes.js';
import { cursor, cursorText } from '../input/cursor.js';
import type { Answering } from '../routes/answering.js';
import { type Call, route } from '../routes/route.js';

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'processes',
    action: 'processes.read',
    about: 'The processes: their version, what they own, the settings in force there, and what runs now.',
    query: {
      limit,
      after: optional(cursor(['text'])),
      text: optional(text('A text that the host, or the name of a consumer that it handles, contains.', 255)),
      alive: optional(flag('Only those that were seen within the time of a lease, or only the others.')),
    },
    answer: ProcessPage,
  }),
};

@Injectable()
export class ProcessesHandlers implements Answering<typeof ROUTES, ProcessesHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly processes: ProcessService) {}

  async list({ query }: Call<typeof ROUTES.list>) {
    const { limit, after: [after] = [], text, alive } = query;
    const { processes, next } = await this.processes.list({ limit, after, text, alive });
    return { items: processes, next: next === null ? null : cursorText([next]) };
  }
}

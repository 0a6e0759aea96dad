import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { defineMapping, type MappingOptions } from './mapping.js';
import { defineModel } from './model.js';

const Employee = defineModel({ name: 'employee', schema: z.object({}).loose() });
const options: MappingOptions = {
  from: z.object({}).loose(),
  to: Employee,
  direction: 'both',
  fields: [
    { source: 'workEmail', target: 'work_email' },
    {
      source: 'status',
      target: 'employment_status',
      transform: (s: string) => s.toUpperCase(),
      reverse: (s: string) => s.toLowerCase(),
    },
    { sourcePath: ['supervisor', 'id'], target: 'manager_id' },
    { sourcePath: ['supervisor', 'name'], target: 'manager_name' },
  ],
};

describe('a mapping', () => {
  it('leads there and back', () => {
    const mapping = defineMapping(options);
    const record = fc.record({
      workEmail: fc.string(),
      status: fc.constantFrom('active', 'inactive'),
      supervisor: fc.record({ id: fc.integer(), name: fc.string() }),
    });
    fc.assert(
      fc.property(record, (given) => {
        expect(mapping.reverse(mapping.forward(given))).toEqual(given);
      }),
    );
  });

  it('leaves out what a record does not have, and reads nothing that is inherited', () => {
    const mapping = defineMapping({ ...options, fields: [{ source: 'toString', target: 'text' }] });
    expect(mapping.forward({})).toEqual({});
  });

  it('says everything that is wrong with it', () => {
    const wrong = {
      ...options,
      fields: [
        { target: 'a' },
        { source: 'x', target: 'a', transform: () => 1 },
        { source: 'x', target: '__proto__' },
      ],
    };
    const problems = (() => {
      try {
        defineMapping(wrong);
      } catch (error) {
        return (error as { details: { problems: string[] } }).details.problems;
      }
      return [];
    })();
    expect(problems.join('\n')).toContain('fields[0] needs either source');
    expect(problems.join('\n')).toContain('two fields have the target "a"');
    expect(problems.join('\n')).toContain('has transform and no reverse');
    expect(problems.join('\n')).toContain('fields[2].target must be a name');
    expect(problems.join('\n')).toContain('two fields have the source');
  });
});

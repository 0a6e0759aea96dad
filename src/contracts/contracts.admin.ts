import { Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { cursor, cursorText } from '../admin/input/cursor.js';
import type { AdminAddition } from '../admin/routes/admin-sections.js';
import type { Answering } from '../admin/routes/answering.js';
import { type Call, route } from '../admin/routes/route.js';
import { AdminDatabase } from '../database/admin-database.js';
import { engineOf } from '../module/engine-of.js';
import { optional, text } from '../rest/field.js';
import { notFound } from '../rest/problem.js';
import { limit, PAGE_SIZE } from '../rest/route.js';
import {
  ANY_OBJECT,
  FLAG,
  INTEGER,
  list,
  named,
  object,
  oneOf,
  orNull,
  pageOf,
  TEXT,
  TIME,
} from '../rest/schema.js';
import { COMPARED, comparisonOf } from './contract-comparison.js';
import { EventContractStore, type RegisteredContract } from './event-contract.store.js';

const VERSION = {
  version: INTEGER,
  visibility: oneOf(['internal', 'public']),
  description: orNull(TEXT),
  retired: FLAG,
  retiredAt: orNull(TIME),
  /** When a process registered it first. Which one it was is not kept. */
  registeredAt: TIME,
  hash: orNull(TEXT),
  hasSchema: FLAG,
  compared: oneOf(COMPARED),
  /** The places of the payload that are not compared, where the others are. */
  notCompared: list(TEXT),
};

const ROUTES = {
  list: route({
    method: 'GET',
    path: 'contracts',
    action: 'contracts.read',
    about: 'The contracts that processes have registered, by the name of the event, each with its versions.',
    query: { limit, after: optional(cursor(['text'])) },
    answer: named(
      'ContractPage',
      pageOf(named('Contract', object({ name: TEXT, versions: list(object(VERSION)) }))),
    ),
  }),
  one: route({
    method: 'GET',
    path: 'contracts/:name',
    action: 'contracts.read',
    about: 'The versions of one event, with the JSON Schema of each. It is null where there is none.',
    pathFields: { name: text('The name of the event.', 255) },
    answer: named(
      'ContractWithSchemas',
      object({ name: TEXT, versions: list(object({ ...VERSION, schema: orNull(ANY_OBJECT) })) }),
    ),
  }),
};

@Injectable()
export class ContractsHandlers implements Answering<typeof ROUTES, ContractsHandlers> {
  static readonly routes = ROUTES;

  constructor(private readonly modules: ModuleRef) {}

  async list({ query }: Call<typeof ROUTES.list>) {
    const { limit = PAGE_SIZE, after: [after] = [] } = query;
    const found = await this.store.names(limit + 1, after);
    const names = found.slice(0, limit);
    const contracts = names.length === 0 ? [] : await this.store.find(names);
    const items = names.map((name) => ({
      name,
      versions: contracts.filter((each) => each.name === name).map(versionOf),
    }));
    const last = names.at(-1);
    return { items, next: last === undefined || found.length <= limit ? null : cursorText([last]) };
  }

  async one({ path: { name } }: Call<typeof ROUTES.one>) {
    const contracts = await this.store.find([name]);
    if (contracts.length === 0) throw notFound(`contract of ${JSON.stringify(name)}`);
    return { name, versions: contracts.map((each) => ({ ...versionOf(each), schema: each.schema })) };
  }

  private get store(): EventContractStore {
    return new EventContractStore(engineOf(this.modules, 'ContractsModule').get(AdminDatabase));
  }
}

function versionOf({ name: _, schema, ...contract }: RegisteredContract) {
  return { ...contract, hasSchema: schema !== null, ...comparisonOf(schema) };
}

export const contractsAdmin: AdminAddition = { sections: [ContractsHandlers] };

import { describe, expect, it } from '@jest/globals';
import { INTEGER, list, named, object, optional, orNull, type Schema, TEXT } from '../../rest/schema.js';
import { route } from '../routes/route.js';
import { openApiDocument } from './openapi-document.js';

const routeWith = (path: string, answer: Schema<unknown>) =>
  route({ method: 'GET', path, action: 'events.read', about: 'Parcels.', answer });

const schemasOf = (...answers: Schema<unknown>[]) => {
  const routes = answers.map((answer, index) => routeWith(`parcels${index}`, answer));
  return openApiDocument([{ part: undefined, routes }], '1.0.0').components as {
    schemas: Record<string, object>;
  };
};

describe('the OpenAPI document of routes', () => {
  const Parcel = named('Parcel', object({ id: INTEGER, note: optional(orNull(TEXT)) }));

  it('has the schemas that the answers of these routes refer to, also by others, and that of problems', () => {
    const Van = named('Van', object({ parcels: list(Parcel) }));
    const { schemas } = schemasOf(named('Vans', object({ items: list(optional(Van)) })));
    expect(Object.keys(schemas)).toEqual(['Parcel', 'Problem', 'Van', 'Vans']);
    expect(schemas.Van).toEqual({
      type: 'object',
      properties: { parcels: { type: 'array', items: { $ref: '#/components/schemas/Parcel' } } },
      required: ['parcels'],
      additionalProperties: false,
    });
    expect(schemas.Parcel).toEqual({
      type: 'object',
      properties: { id: { type: 'integer' }, note: { anyOf: [{ type: 'string' }, { type: 'null' }] } },
      required: ['id'],
      additionalProperties: false,
    });
  });

  it('has a schema once that several answers refer to', () => {
    const { schemas } = schemasOf(Parcel, named('Parcels', object({ items: list(Parcel) })));
    expect(Object.keys(schemas)).toEqual(['Parcel', 'Parcels', 'Problem']);
  });

  it('says which part brings a route', () => {
    const of = (path: string) => [routeWith(path, Parcel)];
    const groups = [
      { part: undefined, routes: of('own') },
      { part: 'parcels', routes: of('theirs') },
    ];
    const { paths } = openApiDocument(groups, '1.0.0') as { paths: Record<string, { get: object }> };
    expect(paths['/own']?.get).not.toHaveProperty('x-part');
    expect(paths['/theirs']?.get).toHaveProperty('x-part', 'parcels');
  });

  it('is not made if two schemas have one name', () => {
    const other = named('Parcel', object({ id: TEXT }));
    expect(() => schemasOf(Parcel, named('Parcels', object({ items: list(other) })))).toThrow(
      'two schemas have the name Parcel',
    );
  });
});

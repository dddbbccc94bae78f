import { asyncLocalStorageContext } from './context/async-local-storage.ts'
import type { TagSettings } from './core/checkout-tag.ts'
import { type FindingKind, findingKinds, type Remedy } from './core/findings/finding.ts'
import { defaultLimits, type Limits } from './core/findings/limits.ts'
import type { Reporter } from './core/findings/reporter.ts'
import { oneOf, rejectUnknown, requireBoolean, requireObject } from './core/option-check.ts'
import type { ScopeContext } from './core/scope.ts'
import { type Clock, systemClock } from './core/time/clock.ts'
import { OptionError } from './errors.ts'
import { consoleReporter } from './reporters/console.ts'
import type { QueryTextMode } from './sql/redaction.ts'

/** What `createLifeguard` takes. Everything is optional; what is unknown or cannot work throws `OptionError`. */
export interface LifeguardOptions {
  /** `observe` (default) reports and never touches a client; `enforce` applies the remedies. */
  readonly mode?: 'observe' | 'enforce'
  /** In milliseconds; `false` switches one off. */
  readonly limits?: Partial<Limits>
  /** Overrides the remedy that the mode has for a kind of finding. */
  readonly remedies?: Partial<Record<FindingKind, Remedy>>
  /** Default: one `consoleReporter()`. */
  readonly reporters?: readonly Reporter[]
  /** How many findings a minute all reporters of the process are given; then they are told how many more there were. Default 60; `false`: all. */
  readonly reportsPerMinute?: number | false
  /** How much of a statement's text reports show: `redacted` (default) replaces literals. Bind values are never kept. */
  readonly queryText?: QueryTextMode
  /**
   * `raw` (default): `connect` gives the pool's own client. `checked`: it gives a handle of its own to each checkout, so
   * that what a former owner does with it is told from what the present one does. Costs a fraction of a microsecond for
   * each use, and what compares clients sees a stand-in: for staging and tests.
   */
  readonly handles?: 'raw' | 'checked'
  /** What is judged of the session that a client is released with; `false`: nothing. */
  readonly sessionState?: SessionStateOptions | false
  /** Marks statements and connections, so that the server shows whose they are. Default: off. */
  readonly tag?: TagOptions
  /** Counts how long which line of source and which scope holds clients, for `lifeguard.statistics()`. Default `false`. */
  readonly statistics?: boolean
  /**
   * When the reporters are given the statistics, which are kept then: at `close`, when the process gets `SIGUSR2`, or
   * both. Default: never.
   */
  readonly reportStatistics?: StatisticsOccasion | readonly StatisticsOccasion[]
  /** Where time comes from; for tests. */
  readonly clock?: Clock
  /** Where the current scope comes from. Default: Node's AsyncLocalStorage. */
  readonly context?: ScopeContext
}

/** What is told to the server of whoever uses its sessions. */
export interface TagOptions {
  /** What the application is called. */
  readonly application: string
  /**
   * Statements of explicit checkouts get a comment with the values below. Default true. Those of `pool.query`, named ones
   * and those with a comment of their own are sent as they are.
   */
  readonly statements?: boolean
  /** New connections get an `application_name` with application, process and host, unless they have one. Default true. */
  readonly connections?: boolean
  /** The line where the client was checked out. Default true; it costs a look at the stack for each checkout. */
  readonly origin?: boolean
  /** The route, or kind and name of another scope. Default true. */
  readonly route?: boolean
  /** The trace, where it is known. Default true. */
  readonly traceparent?: boolean
}

/** When statistics are reported. */
export type StatisticsOccasion = 'close' | 'SIGUSR2'

export interface SessionStateOptions {
  /**
   * Asks the server what each session holds, at its first checkout and at every release: also what functions have set is
   * seen. Costs a round trip for each release: for staging and tests. Default `false`: judged by the statements that the
   * owner has sent, at no cost that could be measured.
   */
  readonly verify?: boolean
  /** What may be left: settings by name (`app.tenant`), or `channel`, `temporary`, `prepared-statement`, `cursor`, `advisory-lock`. */
  readonly ignore?: readonly string[]
}

/** The options with every default filled in. */
export interface Settings {
  readonly mode: 'observe' | 'enforce'
  readonly limits: Limits
  readonly remedies: Readonly<Record<FindingKind, Remedy>>
  readonly reporters: readonly Reporter[]
  readonly reportsPerMinute: number | false
  readonly queryText: QueryTextMode
  readonly handles: 'raw' | 'checked'
  readonly sessionState: Required<SessionStateOptions> | false
  readonly tag: TagSettings | undefined
  readonly statistics: boolean
  readonly reportStatistics: readonly StatisticsOccasion[]
  readonly clock: Clock
  readonly context: ScopeContext
}

/** The remedies that make sense for a kind; the first is the one of `enforce`. */
const possibleRemedies: Readonly<Record<FindingKind, readonly [Remedy, ...Remedy[]]>> = {
  'idle-transaction': ['rollback', 'report', 'destroy'],
  'long-transaction': ['report', 'rollback', 'destroy'],
  'long-hold': ['report', 'destroy'],
  'outlived-scope': ['destroy', 'report', 'rollback'],
  'dirty-release': ['rollback', 'report', 'destroy'],
  'busy-release': ['destroy', 'report'],
  'double-release': ['refuse', 'report'],
  'use-after-release': ['refuse', 'report'],
  'session-state': ['reset', 'report', 'destroy'],
  'lost-commit': ['report'],
  'session-killed': ['report'],
  'nested-acquire': ['report'],
  'pool-deadlock': ['report', 'reject'],
  'pool-exhausted': ['report'],
  'blocked-shutdown': ['destroy', 'report'],
}

/** setTimeout cannot wait longer. */
const longestMillis = 2 ** 31 - 1

/** @throws OptionError */
export function resolveOptions(options: LifeguardOptions = {}): Settings {
  requireObject('options', options)
  rejectUnknown('', options, [
    'mode',
    'limits',
    'remedies',
    'reporters',
    'reportsPerMinute',
    'queryText',
    'handles',
    'sessionState',
    'tag',
    'statistics',
    'reportStatistics',
    'clock',
    'context',
  ])
  const mode = oneOf('mode', given(options.mode, 'observe'), ['observe', 'enforce'])
  return {
    mode,
    limits: resolveLimits(options.limits),
    remedies: resolveRemedies(mode, options.remedies),
    reporters: resolveReporters(options.reporters),
    reportsPerMinute: resolveReportsPerMinute(options.reportsPerMinute),
    queryText: oneOf('queryText', given(options.queryText, 'redacted'), ['full', 'redacted', 'none']),
    handles: oneOf('handles', given(options.handles, 'raw'), ['raw', 'checked']),
    sessionState: resolveSessionState(options.sessionState),
    tag: resolveTag(options.tag),
    ...resolveStatistics(options),
    clock: resolveClock(options.clock),
    context: resolveContext(options.context),
  }
}

function resolveLimits(limits: Partial<Limits> = {}): Limits {
  requireObject('limits', limits)
  rejectUnknown('limits.', limits, Object.keys(defaultLimits))
  const resolved: Record<string, number | false> = { ...defaultLimits }
  for (const [name, value] of Object.entries(limits)) {
    if (value === undefined) continue
    if (value !== false && !(typeof value === 'number' && value > 0 && value <= longestMillis)) {
      const expected = `must be a positive number of milliseconds (at most ${longestMillis}) or false`
      throw new OptionError(`limits.${name}`, expected, value)
    }
    resolved[name] = value
  }
  return resolved as unknown as Limits
}

function resolveRemedies(
  mode: Settings['mode'],
  remedies: LifeguardOptions['remedies'] = {},
): Settings['remedies'] {
  requireObject('remedies', remedies)
  rejectUnknown('remedies.', remedies, findingKinds)
  const resolved = {} as Record<FindingKind, Remedy>
  for (const kind of findingKinds) {
    const possible = possibleRemedies[kind]
    const byMode = mode === 'enforce' ? possible[0] : 'report'
    resolved[kind] = oneOf(`remedies.${kind}`, given(remedies[kind], byMode), possible)
  }
  return resolved
}

function resolveSessionState(options: LifeguardOptions['sessionState'] = {}): Settings['sessionState'] {
  if (options === false) return false
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new OptionError('sessionState', 'must be an object or false', options)
  rejectUnknown('sessionState.', options, ['verify', 'ignore'])
  const { verify = false, ignore = [] } = options
  requireBoolean('sessionState.verify', verify)
  if (!Array.isArray(ignore))
    throw new OptionError('sessionState.ignore', 'must be an array of names', ignore)
  for (const [index, name] of ignore.entries()) {
    if (typeof name !== 'string' || name.trim() === '')
      throw new OptionError(`sessionState.ignore[${index}]`, 'must be a name', name)
  }
  return { verify, ignore: ignore.map((name) => name.toLowerCase()) }
}

function resolveTag(options: TagOptions | undefined): TagSettings | undefined {
  if (options === undefined) return undefined
  requireObject('tag', options)
  const switches = ['statements', 'connections', 'origin', 'route', 'traceparent'] as const
  rejectUnknown('tag.', options, ['application', ...switches])
  const { application } = options
  if (typeof application !== 'string' || application.trim() === '')
    throw new OptionError('tag.application', 'must be a text', application)
  const settings = {
    application,
    statements: true,
    connections: true,
    origin: true,
    route: true,
    traceparent: true,
  }
  for (const name of switches) {
    const value = options[name]
    if (value === undefined) continue
    requireBoolean(`tag.${name}`, value)
    settings[name] = value
  }
  return settings
}

function resolveStatistics({
  statistics,
  reportStatistics = [],
}: LifeguardOptions): Pick<Settings, 'statistics' | 'reportStatistics'> {
  const given: readonly unknown[] = Array.isArray(reportStatistics) ? reportStatistics : [reportStatistics]
  const occasions = given.map((occasion) =>
    oneOf('reportStatistics', occasion, ['close', 'SIGUSR2'] as const),
  )
  const isKept = statistics === undefined ? occasions.length > 0 : statistics
  requireBoolean('statistics', isKept)
  if (!isKept && occasions.length > 0)
    throw new OptionError('statistics', 'must be true for reportStatistics', isKept)
  return { statistics: isKept, reportStatistics: [...new Set(occasions)] }
}

function resolveReporters(reporters: LifeguardOptions['reporters']): readonly Reporter[] {
  if (reporters === undefined) return [consoleReporter()]
  if (!Array.isArray(reporters))
    throw new OptionError('reporters', 'must be an array of reporters', reporters)
  for (const [index, reporter] of reporters.entries()) {
    if (typeof reporter !== 'object' || reporter === null || typeof reporter.finding !== 'function') {
      throw new OptionError(
        `reporters[${index}]`,
        'must be an object with a method finding(finding)',
        reporter,
      )
    }
  }
  return [...reporters]
}

function resolveReportsPerMinute(reports: number | false = 60): number | false {
  if (reports !== false && !(Number.isInteger(reports) && reports > 0))
    throw new OptionError('reportsPerMinute', 'must be a positive whole number or false', reports)
  return reports
}

function resolveClock(clock: Clock = systemClock): Clock {
  requireObject('clock', clock)
  for (const method of ['now', 'epochMillis', 'schedule'] as const) {
    if (typeof clock[method] !== 'function')
      throw new OptionError(`clock.${method}`, 'must be a function', clock[method])
  }
  return clock
}

function resolveContext(context: ScopeContext | undefined): ScopeContext {
  if (context === undefined) return asyncLocalStorageContext()
  requireObject('context', context)
  for (const method of ['current', 'run'] as const) {
    if (typeof context[method] !== 'function') {
      throw new OptionError(`context.${method}`, 'must be a function', context[method])
    }
  }
  return context
}

/** Only what is undefined was not given: `null` is a mistake that must not pass. */
function given<T>(value: T | undefined, byDefault: T): T {
  return value === undefined ? byDefault : value
}

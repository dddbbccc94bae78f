import { asyncLocalStorageContext } from './context/async-local-storage.ts'
import type { TagSettings } from './core/checkout-tag.ts'
import { checkExemptRules, type ExemptRule, exemptRow } from './core/exemptions.ts'
import { type FindingKind, findingKinds, type Remedy } from './core/findings/finding.ts'
import { type Limits, limitRows } from './core/findings/limits.ts'
import { possibleRemedies, type RemedyByKind, remedyRows } from './core/findings/possible-remedies.ts'
import type { Reporter } from './core/findings/reporter.ts'
import { readOptions } from './core/options/read.ts'
import type { OptionTable, RowsFor } from './core/options/rows.ts'
import type { ScopeContext } from './core/scope.ts'
import { type Clock, systemClock } from './core/time/clock.ts'
import { type TimelineLimits, timelineDefaults } from './core/timeline/timeline.ts'
import { OptionError } from './errors.ts'
import { consoleReporter } from './reporters/console.ts'
import type { QueryTextMode } from './sql/redaction.ts'

/** The options of `createLifeguard`. All are optional. An unknown name or an invalid value throws `OptionError`. */
export interface LifeguardOptions {
  /** `observe` (default) reports and never touches a client; `enforce` applies the remedies. */
  readonly mode?: 'observe' | 'enforce'
  /** Time limits in milliseconds; `false` switches one off. */
  readonly limits?: Partial<Limits>
  /** Overrides the mode's remedy for a kind of finding. Each kind has its own set of possible remedies. */
  readonly remedies?: RemedyByKind
  /** Default: one `consoleReporter()`. */
  readonly reporters?: readonly Reporter[]
  /** The maximum number of findings reported per minute and process; the rest are counted. Default 60; `false`: all. */
  readonly reportsPerMinute?: number | false
  /** The form of statements in reports: `redacted` (default) replaces literals. Bind values are never recorded. */
  readonly queryText?: QueryTextMode
  /**
   * `raw` (default): `connect` returns the pool's own client. `checked`: each checkout gets its own handle, so that
   * calls of a former owner are distinguished from those of the present one. It costs a fraction of a microsecond per
   * call, and code that compares clients sees the handle: for staging and tests.
   */
  readonly handles?: 'raw' | 'checked'
  /**
   * Exempts clients that are held for long by design, by their last statement, origin or scope. A client that listens
   * for notifications outside a transaction needs no rule.
   */
  readonly exempt?: readonly ExemptRule[]
  /** The judgement of the state that an owner leaves in its session; `false`: none. */
  readonly sessionState?: SessionStateOptions | false
  /** Tags statements and connections, so that the server shows which code sent them. Default: off. */
  readonly tag?: TagOptions
  /** Measures the hold durations of lines of source and scopes, for `lifeguard.statistics()`. Default `false`. */
  readonly statistics?: boolean
  /**
   * Reports the statistics at `close`, when the process gets `SIGUSR2`, or both. Switches `statistics` on. Default:
   * never.
   */
  readonly reportStatistics?: StatisticsOccasion | readonly StatisticsOccasion[]
  /**
   * Records the last minutes of each pool, for `lifeguard.timeline()`. `{}`: with the defaults. Default: off, unless a
   * live page was created for the lifeguard.
   */
  readonly timeline?: TimelineOptions | false
  /** The clock; tests pass a `manualClock()`. */
  readonly clock?: Clock
  /** Carries the current scope along. Default: Node's AsyncLocalStorage. */
  readonly context?: ScopeContext
}

/** The contents of tags, which the server shows. */
export interface TagOptions {
  /** The application's name. */
  readonly application: string
  /**
   * Statements of explicit checkouts get a comment with the values below. Default true. Statements of `pool.query`, named
   * ones and those that have a comment are sent unchanged.
   */
  readonly statements?: boolean
  /**
   * New connections get an `application_name` with application, process id and host, unless they have one. Default
   * true.
   */
  readonly connections?: boolean
  /** Adds the line of the checkout. Default true; formats a stack for each checkout. */
  readonly origin?: boolean
  /** Adds the route, or kind and name of another scope. Default true. */
  readonly route?: boolean
  /** Adds the trace, if it is known. Default true. */
  readonly traceparent?: boolean
}

/** An occasion for reporting statistics. */
export type StatisticsOccasion = 'close' | 'SIGUSR2'

/** How the state that an owner leaves in its session is judged. */
export interface SessionStateOptions {
  /**
   * Asks the server for the contents of each session, at its first checkout and at each release, so that changes by
   * functions are seen, too. Costs a round trip per release: for staging and tests. Default `false`: the owner's
   * statements are judged, at no measurable cost.
   */
  readonly verify?: boolean
  /**
   * State that may be left: settings by name (`app.tenant`), or `channel`, `temporary`, `prepared-statement`, `cursor`,
   * `advisory-lock`.
   */
  readonly ignore?: readonly string[]
}

/** The limits of the recording. */
export interface TimelineOptions {
  /** The time that it goes back, in milliseconds. Default 900,000: 15 minutes. */
  readonly keepMillis?: number
  /** The maximum number of checkouts in it. Default 10,000, about 5 MB. */
  readonly keepCheckouts?: number
}

/** The options with all defaults. */
export interface Settings {
  readonly mode: 'observe' | 'enforce'
  readonly limits: Limits
  readonly remedies: Readonly<Record<FindingKind, Remedy>>
  readonly reporters: readonly Reporter[]
  readonly reportsPerMinute: number | false
  readonly queryText: QueryTextMode
  readonly handles: 'raw' | 'checked'
  readonly exempt: readonly ExemptRule[]
  readonly sessionState: Required<SessionStateOptions> | false
  readonly tag: TagSettings | undefined
  readonly statistics: boolean
  readonly reportStatistics: readonly StatisticsOccasion[]
  readonly timeline: TimelineLimits | false | undefined
  readonly clock: Clock
  readonly context: ScopeContext
}

const tagRows = {
  application: { kind: 'string', content: 'visible', required: true },
  statements: { kind: 'boolean', default: true },
  connections: { kind: 'boolean', default: true },
  origin: { kind: 'boolean', default: true },
  route: { kind: 'boolean', default: true },
  traceparent: { kind: 'boolean', default: true },
} as const satisfies RowsFor<TagOptions>

const sessionStateRows = {
  verify: { kind: 'boolean', default: false },
  ignore: {
    kind: 'array',
    of: { kind: 'string', content: 'visible', expected: 'must be a name' },
    default: [],
    expected: 'must be an array of names',
  },
} as const satisfies RowsFor<SessionStateOptions>

const timelineRows = {
  keepMillis: { kind: 'millis', default: timelineDefaults.keepMillis, most: 86_400_000 },
  keepCheckouts: { kind: 'count', least: 1, default: timelineDefaults.keepCheckouts },
} as const satisfies RowsFor<TimelineOptions>

/** The options of `createLifeguard`, in the order of the documentation. */
export const lifeguardOptions = {
  whole: 'options',
  prefix: '',
  rows: {
    mode: { kind: 'choice', values: ['observe', 'enforce'], default: 'observe' },
    limits: { kind: 'options', rows: limitRows, default: {} },
    remedies: { kind: 'options', rows: remedyRows, default: {} },
    reporters: {
      kind: 'array',
      of: {
        kind: 'object',
        methods: ['finding'],
        expected: 'must be an object with a method finding(finding)',
      },
      expected: 'must be an array of reporters',
    },
    reportsPerMinute: { kind: 'count', least: 1, off: true, default: 60 },
    queryText: { kind: 'choice', values: ['full', 'redacted', 'none'], default: 'redacted' },
    handles: { kind: 'choice', values: ['raw', 'checked'], default: 'raw' },
    exempt: exemptRow,
    sessionState: { kind: 'options', rows: sessionStateRows, off: true, default: {} },
    tag: { kind: 'options', rows: tagRows },
    statistics: { kind: 'boolean' },
    reportStatistics: {
      kind: 'array',
      of: { kind: 'choice', values: ['close', 'SIGUSR2'] },
      single: true,
      default: [],
    },
    timeline: { kind: 'options', rows: timelineRows, off: true },
    clock: { kind: 'object', methods: ['now', 'epochMillis', 'schedule'] },
    context: { kind: 'object', methods: ['current', 'run'] },
  },
} as const satisfies OptionTable<LifeguardOptions>

/** @throws OptionError */
export function resolveOptions(options: LifeguardOptions = {}): Settings {
  const given = readOptions(lifeguardOptions, options)
  const { mode, sessionState } = given
  return {
    ...given,
    remedies: remediesOf(mode, given.remedies),
    reporters: given.reporters ?? [consoleReporter()],
    exempt: checkExemptRules(given.exempt),
    sessionState: sessionState && {
      ...sessionState,
      ignore: sessionState.ignore.map((name) => name.toLowerCase()),
    },
    ...statisticsOf(given),
    clock: given.clock ?? systemClock,
    context: given.context ?? asyncLocalStorageContext(),
  }
}

function remediesOf(
  mode: Settings['mode'],
  chosen: { readonly [Kind in FindingKind]: Remedy | undefined },
): Settings['remedies'] {
  const remedies = {} as Record<FindingKind, Remedy>
  for (const kind of findingKinds) {
    remedies[kind] = chosen[kind] ?? (mode === 'enforce' ? possibleRemedies[kind][0] : 'report')
  }
  return remedies
}

function statisticsOf({
  statistics,
  reportStatistics,
}: {
  readonly statistics: boolean | undefined
  readonly reportStatistics: readonly StatisticsOccasion[]
}): Pick<Settings, 'statistics' | 'reportStatistics'> {
  const isReported = reportStatistics.length > 0
  if (statistics === false && isReported) {
    throw new OptionError('statistics', 'must be true for reportStatistics', statistics)
  }
  return { statistics: statistics ?? isReported, reportStatistics: [...new Set(reportStatistics)] }
}

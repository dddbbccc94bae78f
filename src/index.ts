export type { PgClientLike, PgPoolLike } from './client/types.ts'
export type { CheckoutData, Phase, Via } from './core/checkout.ts'
export type { ExemptRule } from './core/exemptions.ts'
export type { Certainty, Finding, FindingKind, Holder, Outcome, Remedy } from './core/findings/finding.ts'
export { findingKinds } from './core/findings/finding.ts'
export type { Pattern } from './core/findings/ignore.ts'
export type { Limits } from './core/findings/limits.ts'
export type { Reporter } from './core/findings/reporter.ts'
export type { Frame, Origin } from './core/origin/origin.ts'
export type { AttributeValue, ScopeContext, ScopeData, ScopeOptions } from './core/scope.ts'
export type { CheckoutSnapshot, PoolSnapshot, Snapshot } from './core/snapshot.ts'
export type {
  HoldStatistics,
  OriginStatistics,
  PoolStatistics,
  RecommendedLimits,
  ScopeStatistics,
  Statistics,
} from './core/statistics/statistics.ts'
export { type Clock, type ManualClock, manualClock } from './core/time/clock.ts'
export type {
  Timeline,
  TimelineCheckout,
  TimelineFinding,
  TimelineLevel,
  TimelinePool,
  TimelineTransaction,
} from './core/timeline/timeline.ts'
export type { TransactionStatus } from './core/transaction.ts'
export {
  ClosedError,
  type FindingReference,
  LifeguardError,
  LostCommitError,
  OptionError,
  PoolDeadlockError,
  PoolExhaustedError,
  SessionDestroyedError,
  SessionReleasedError,
  TransactionRolledBackError,
  WatchError,
} from './errors.ts'
export type { CurrentScope, OpenScope, Scopes } from './guard/scopes.ts'
export type { Watchable } from './hosts/pool-source.ts'
export { type JobHandler, type JobHandlers, withJobScope } from './jobs/job-scope.ts'
export { createLifeguard, type Lifeguard, type LifeguardEvents, type WatchOptions } from './lifeguard.ts'
export type {
  LifeguardOptions,
  SessionStateOptions,
  StatisticsOccasion,
  TagOptions,
  TimelineOptions,
} from './options.ts'
export { type ConsoleReporterOptions, consoleReporter } from './reporters/console.ts'
export { type JsonLinesReporterOptions, jsonLinesReporter } from './reporters/json-lines.ts'
export { type LoggerLike, loggerReporter } from './reporters/logger.ts'
export { formatSnapshot } from './reporters/snapshot-text.ts'
export { formatTrace } from './reporters/trace-file.ts'
export type { QueryTextMode } from './sql/redaction.ts'
export type { ClientOf, Session, SessionClient, SessionPool } from './transactions/session.ts'
export {
  type PoolTimeoutOptions,
  type SessionTimeouts,
  sessionTimeouts,
} from './transactions/session-timeouts.ts'
export type { TransactionOptions } from './transactions/transaction.ts'

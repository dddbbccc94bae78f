import type { Ledger } from '../core/ledger.ts'
import type { ScopeOptions } from '../core/scope.ts'
import type { Announcer } from './announcer.ts'
import type { Inspector } from './inspection.ts'
import type { OpenScope } from './scopes.ts'
import type { TimelineRecording } from './timeline-recording.ts'

/** Incremented when a part changes its shape, so that two copies of the package can detect a mismatch. */
export const internalsVersion = 2

/** The same symbol in every copy of the package, ES module or CommonJS. */
const key = Symbol.for('pg-lifeguard.internals')

/** The parts of a lifeguard that other rooms need beyond its public methods. Stored on the lifeguard itself. */
export interface Internals {
  readonly version: typeof internalsVersion
  readonly ledger: Ledger
  readonly announcer: Announcer
  readonly inspector: Inspector
  readonly timeline: TimelineRecording
  /** Opens a scope with options that need no check. A scope of another copy of the package would not be recognised. */
  readonly openScope: (options: ScopeOptions) => OpenScope
  /** The property of an HTTP request with its scope, shared by all surfaces that see the request. */
  readonly requestKey: symbol
  /** Called when the lifeguard is closed. */
  readonly closing: Set<() => void>
  /** The surfaces that may be there once for a lifeguard, while they are. */
  readonly surfaces: Set<'opentelemetry'>
}

export function attachInternals(lifeguard: object, parts: Omit<Internals, 'version'>): void {
  const internals: Internals = { version: internalsVersion, ...parts }
  Object.defineProperty(lifeguard, key, { value: internals })
}

/** Undefined for anything that is not a lifeguard, and for a lifeguard whose internals have another version. */
export function internalsOf(lifeguard: object): Internals | undefined {
  const internals = Reflect.get(lifeguard, key) as Internals | undefined
  return internals?.version === internalsVersion ? internals : undefined
}

import type { Finding, FindingKind } from 'pg-lifeguard'

export type Mode = 'bare' | 'observe' | 'enforce'

export const modes: readonly Mode[] = ['bare', 'observe', 'enforce']

/** The pool of the service that takes the traffic. */
export const mainPoolMax = 10

/** Long enough that only an injected leak reaches them: no fault lasts longer than four seconds. */
export const limits = {
  idleTransactionMillis: 3_000,
  transactionMillis: 15_000,
  holdMillis: 20_000,
  acquireWaitMillis: 10_000,
  scopeGraceMillis: 1_000,
}

/** From the service to the process that runs it. */
export type Report =
  | { readonly type: 'ready'; readonly url: string }
  | { readonly type: 'finding' | 'remedied' | 'resolved'; readonly finding: Finding }
  /** The session of an injected leak is gone. */
  | { readonly type: 'lost'; readonly id: string }
  /** The leak could not be made: a fault got in the way. */
  | { readonly type: 'failed'; readonly id: string; readonly reason: string }
  /** The leak exists from now on. */
  | { readonly type: 'made'; readonly id: string; readonly pid?: number | undefined }
  | { readonly type: 'healed'; readonly id: string }
  | { readonly type: 'crash'; readonly message: string }
  | { readonly type: 'sample'; readonly sample: Sample }
  | { readonly type: 'drained'; readonly slots: Slots }

/** From the process that runs the service. */
export type Order =
  | { readonly type: 'heal'; readonly id: string }
  | { readonly type: 'stall'; readonly millis: number }
  | { readonly type: 'sample' }
  | { readonly type: 'drain' }
  | { readonly type: 'end' }

export interface Sample {
  /** After a garbage collection. */
  readonly heapBytes: number
  readonly delayP50Millis: number
  readonly delayP99Millis: number
}

export interface Slots {
  readonly pool: string
  readonly max: number
  /** How many clients the pool could hand out at the same time after the run. */
  readonly usable: number
  readonly waiting: number
}

/** Leaks with `here` in their source: `// here: idle-transaction` at the checkout, `// then: ...` at the event. */
export interface Lines {
  readonly checkout: Readonly<Partial<Record<FindingKind, number>>>
  readonly event: Readonly<Partial<Record<FindingKind, number>>>
}

import type { CheckReport } from '../../postgres/report/server-report.ts'

/** One item of a section of the page. Times are milliseconds since 1970; what has not happened is absent. */

export interface PagePool {
  /** `main`, or `orders-api/main` in a fleet. */
  readonly id: string
  readonly name: string
  /** The service, if there are several. */
  readonly app?: string
  readonly max?: number
  readonly total?: number
  readonly idle?: number
  readonly waiting: number
  readonly out: number
  readonly ending: boolean
  readonly waitP95Millis?: number
  /** Short checkouts that are counted only. */
  readonly omitted?: number
}

/** The use of a pool over a minute. */
export interface PageLevels {
  readonly pool: string
  readonly levels: readonly (readonly [at: number, used: number, waiting: number])[]
}

export interface PageCheckout {
  /** The pool, and the checkout's number. */
  readonly id: string
  readonly pool: string
  readonly slot?: number
  readonly pid?: number
  readonly requestedAt: number
  readonly queued: boolean
  readonly acquiredAt?: number
  readonly endedAt?: number
  readonly ending?: string
  /** `src/routes/orders.ts:31` */
  readonly place?: string
  /** The function at that line. */
  readonly within?: string
  /** `GET /orders/:id` */
  readonly route?: string
  readonly scopeKind?: string
  readonly scopeId?: string
  readonly transactions: readonly (readonly [startedAt: number, endedAt?: number])[]
  /** Present state; absent once it has ended. */
  readonly now?: {
    readonly transaction: 'idle' | 'open' | 'failed' | 'unknown'
    /** Since when no statement runs; absent while one does. */
    readonly idleSince?: number
    readonly queryCount: number
    readonly lastQuery?: string
    readonly exemption?: string
    readonly phase: string
  }
}

export interface PageFinding {
  readonly id: string
  readonly app?: string
  readonly pool: string
  readonly kind: string
  readonly certainty: 'suspected' | 'certain'
  readonly isLeak: boolean
  /** The checkout's id on the page. */
  readonly checkout: string
  readonly pid?: number
  readonly place?: string
  readonly transactionPlace?: string
  readonly eventPlace?: string
  /** The callers, the innermost first: `within place`. */
  readonly frames: readonly string[]
  /** The callers are those of other checkouts from the same line. */
  readonly areFramesUsual?: boolean
  readonly route?: string
  readonly scopeId?: string
  readonly traceId?: string
  readonly occurrences: number
  readonly fingerprint: string
  readonly hint: string
  readonly aftermath?: string
  readonly left?: readonly string[]
  readonly holders: readonly string[]
  readonly lastQuery?: string
  readonly remedy: string
  readonly outcome?: string
  readonly outcomeDetail?: string
  readonly updates?: string
  readonly supersededBy?: string
  readonly openedAt: number
  readonly resolvedAt?: number
  readonly resolution?: string
  readonly docs: string
  /** The source around the line, if it can be read: `12 | const client = await pool.connect()`. */
  readonly code?: readonly string[]
}

/** How long one line or one route has held clients. */
export interface PageHolder {
  readonly id: string
  readonly app?: string
  readonly pool: string
  readonly by: 'line' | 'route'
  readonly label: string
  readonly checkouts: number
  readonly heldMillis: number
  readonly busyShare: number
  readonly p95Millis: number
  readonly maxMillis: number
}

/** The server's view. Its durations were right at `lookedAt`. */
export interface PageServer {
  readonly target: string
  readonly lookedAt: number
  /** Why there is no present view; what is shown is from before. */
  readonly lost?: string
  readonly report?: CheckReport
}

/** A service of the fleet, and why its data is not from now. */
export interface PageApp {
  readonly id: string
  readonly url?: string
  readonly mode?: 'observe' | 'enforce'
  readonly lost?: string
  /** It records no timeline: only what is out now is shown. */
  readonly withoutTimeline?: true
}

export interface PageHead {
  readonly title: string
  /** Sessions can be ended from this page. */
  readonly canEnd: boolean
  readonly keepMillis: number
  /** The start of the recording. */
  readonly since: number
}

export interface PageSections {
  readonly head: PageHead
  readonly apps: PageApp
  readonly pools: PagePool
  readonly levels: PageLevels
  readonly checkouts: PageCheckout
  readonly findings: PageFinding
  readonly holders: PageHolder
  readonly server: PageServer
}

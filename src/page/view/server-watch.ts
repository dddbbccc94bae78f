import {
  type ControlConnection,
  databasePart,
  type SafetyNet,
  type ServerSnapshot,
  safetyNets,
} from '../../postgres/index.ts'
import { type Pace, systemPace } from '../../postgres/look/pace.ts'
import { type ServerLook, serverLook } from '../../postgres/look/server-look.ts'
import { checkoutOrigins, type OwnCheckout } from '../../postgres/report/checkout-origins.ts'
import { checkReport } from '../../postgres/report/server-report.ts'
import { firstOrigin } from '../../postgres/report/session-origin.ts'
import { formerTags, statementTags } from '../../postgres/report/session-tags.ts'
import type { QueryTextMode } from '../../sql/redaction.ts'
import { addItem, type PageItems, shown } from './items.ts'
import type { PageCheckout, PageServer } from './page-data.ts'

export interface ServerWatchOptions {
  connect(): Promise<ControlConnection>
  readonly queryText: QueryTextMode
  /** Shows only the sessions of this database, and those that block them. */
  readonly database?: string
  readonly pace?: Pace
}

const periodMillis = 2_000
/** The connection is closed this long after nobody looks any more. */
const patienceMillis = 10_000
const netsMillis = 60_000
const reconnectPause = { first: 1_000, most: 15_000 }
/** Shorter ones are the normal work of a server. */
const limits = { minIdleMillis: 5_000, minWaitMillis: 500 }

interface Seen {
  readonly snapshots: readonly [ServerSnapshot] | readonly [ServerSnapshot, ServerSnapshot]
  readonly lookedAt: number
}

/** Looks at a server every other second, while somebody looks at the page. */
export class ServerWatch {
  readonly #options: ServerWatchOptions
  readonly #pace: Pace
  #seen: Seen | undefined
  #target = ''
  #nets: readonly SafetyNet[] = []
  #netsAt = Number.NEGATIVE_INFINITY
  #lost: string | undefined
  #wantedAt = 0
  #running: Promise<void> | undefined
  readonly #over = new AbortController()

  constructor(options: ServerWatchOptions) {
    this.#options = options
    this.#pace = options.pace ?? systemPace
  }

  /** Adds the present view, with lines of the checkouts that are among the items, and keeps looking. */
  addTo(items: PageItems): void {
    this.#wantedAt = this.#pace.now()
    if (!this.#over.signal.aborted) this.#running ??= this.#run()
    addItem(items, 'server', 'server', this.#item(items))
  }

  async close(): Promise<void> {
    this.#over.abort()
    await this.#running
  }

  #item(items: PageItems): PageServer {
    const { queryText } = this.#options
    const seen = this.#seen
    const lost = this.#lost === undefined ? {} : { lost: shown(this.#lost) }
    if (seen === undefined) return { target: this.#target, lookedAt: 0, ...lost }
    const snapshot = seen.snapshots[1] ?? seen.snapshots[0]
    const originOf = firstOrigin([statementTags, checkoutOrigins(ownCheckouts(items), snapshot), formerTags])
    const report = checkReport(seen.snapshots, this.#nets, { ...limits, queryText, originOf })
    return { target: this.#target, lookedAt: seen.lookedAt, report, ...lost }
  }

  async #run(): Promise<void> {
    const pace = this.#pace
    const { signal } = this.#over
    await using server = serverLook({
      connect: this.#options.connect,
      pace,
      pauses: reconnectPause,
      onLost: (reason) => {
        this.#lost = reason
      },
      onBack: () => {
        this.#lost = undefined
      },
    })
    try {
      while (!signal.aborted && pace.now() - this.#wantedAt < patienceMillis) {
        await this.#look(server)
        await pace.pause(Math.max(periodMillis, server.pauseMillis()), signal)
      }
    } catch (error) {
      // An option that no reconnection cures: a wrong URL, for instance.
      this.#lost = error instanceof Error ? error.message : String(error)
      await pace.pause(reconnectPause.most, signal)
    } finally {
      this.#running = undefined
    }
  }

  async #look(server: ServerLook): Promise<void> {
    const sight = await server.look()
    if (sight === undefined) return
    const before = this.#seen?.snapshots
    const last = before?.[1] ?? before?.[0]
    const { database } = this.#options
    const snapshot = database === undefined ? sight.snapshot : databasePart(sight.snapshot, database)
    this.#seen = {
      // A deadlock must appear in two consecutive looks.
      snapshots: last === undefined ? [snapshot] : [last, snapshot],
      lookedAt: Date.now(),
    }
    this.#target = sight.control.target
    this.#lost = undefined
    if (this.#pace.now() - this.#netsAt < netsMillis) return
    const nets = await server.ask((control) => safetyNets(control))
    if (nets === undefined) return
    this.#nets = nets
    this.#netsAt = this.#pace.now()
  }
}

function ownCheckouts(items: PageItems): OwnCheckout[] {
  const checkouts = [...(items.get('checkouts')?.values() ?? [])] as PageCheckout[]
  return checkouts.flatMap(({ pid, pool, now, acquiredAt, place, route, endedAt }) => {
    if (pid === undefined || now === undefined || acquiredAt === undefined || endedAt !== undefined) return []
    return [
      {
        ...{ pid, pool, acquiredAt, transaction: now.transaction },
        ...(place === undefined ? {} : { place }),
        ...(route === undefined ? {} : { scope: route }),
      },
    ]
  })
}

import { type Statistics, StatisticsKeeper } from '../core/statistics/statistics.ts'
import { timelineDefaults } from '../core/timeline/timeline.ts'
import { OptionError } from '../errors.ts'
import { type Internals, internalsOf } from '../guard/internals.ts'
import type { Lifeguard } from '../lifeguard.ts'
import type { ControlConnection } from '../postgres/index.ts'
import { ApplicationView } from './view/application-view.ts'
import { addItem, type PageItems } from './view/items.ts'
import { ServerWatch } from './view/server-watch.ts'

export interface LifeguardSourceOptions {
  readonly title: string
  /** Connects to the server whose view is shown. */
  readonly connect?: () => Promise<ControlConnection>
}

/** The data of a page about the lifeguard of the same process. */
export class LifeguardSource {
  readonly #lifeguard: Lifeguard
  readonly #title: string
  readonly #internals: Internals
  readonly #view = new ApplicationView()
  readonly #server: ServerWatch | undefined
  readonly #statistics: () => Statistics
  readonly #since: number

  /** @throws OptionError */
  constructor(what: string, lifeguard: Lifeguard, { title, connect }: LifeguardSourceOptions) {
    const internals = typeof lifeguard === 'object' && lifeguard !== null ? internalsOf(lifeguard) : undefined
    if (internals === undefined)
      throw new OptionError(what, 'must be a lifeguard of this version of pg-lifeguard', lifeguard)
    this.#lifeguard = lifeguard
    this.#title = title
    this.#internals = internals
    const { ledger } = internals
    internals.timeline.start()
    this.#since = ledger.clock.epochMillis()
    this.#statistics = statisticsOf(lifeguard, internals)
    this.#server = connect && new ServerWatch({ connect, queryText: ledger.queryText })
    internals.closing.add(() => void this.#server?.close())
  }

  /** The time on the lifeguard's clock. */
  now(): number {
    return this.#internals.ledger.clock.epochMillis()
  }

  read(): PageItems {
    const items: PageItems = new Map()
    const { timeline } = this.#internals
    addItem(items, 'head', 'page', {
      title: this.#title,
      canEnd: false,
      keepMillis: timelineDefaults.keepMillis,
      since: Math.round(this.#since),
    })
    this.#view.addTo(items, {
      snapshot: this.#lifeguard.snapshot(),
      recording: timeline.start().read(),
      statistics: this.#statistics(),
    })
    this.#server?.addTo(items)
    return items
  }
}

/** The statistics that an option keeps, or else those of the page. */
function statisticsOf(lifeguard: Lifeguard, { ledger }: Internals): () => Statistics {
  try {
    lifeguard.statistics()
    return () => lifeguard.statistics()
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    const keeper = new StatisticsKeeper(ledger.clock.epochMillis())
    ledger.observe(keeper)
    return () => keeper.data()
  }
}

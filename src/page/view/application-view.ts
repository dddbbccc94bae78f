import { type Finding, isLeak } from '../../core/findings/finding.ts'
import { describeFrame, type Frame, type Origin } from '../../core/origin/origin.ts'
import type { CheckoutSnapshot, Snapshot } from '../../core/snapshot.ts'
import type { HoldStatistics, Statistics } from '../../core/statistics/statistics.ts'
import type { PoolRecording } from '../../core/timeline/flight-recorder.ts'
import type { TimelineLevel } from '../../core/timeline/timeline.ts'
import { codeFrame } from '../../reporters/code-frame.ts'
import { plain } from '../../text/style.ts'
import { addItem, type PageItems, present, shown } from './items.ts'
import type { PageCheckout, PageFinding, PageHolder, PageLevels, PagePool } from './page-data.ts'
import { Steady } from './steady.ts'

type Flight = PoolRecording['ended'][number]

/** One look at a guarded application. */
export interface ApplicationLook {
  readonly snapshot: Pick<Snapshot, 'takenAt' | 'pools' | 'checkouts' | 'findings'>
  /** Of the same pools in the same order, and after them those that are no longer watched. Empty: nothing is recorded. */
  readonly recording: readonly PoolRecording[]
  readonly statistics?: Statistics
}

/** Levels are sent in pieces, so that a new one does not send all again. */
const levelsInPiece = 60_000
/** A page is no archive: rows of statistics beyond these are not read. */
const mostHolders = 40

/** A guarded application as items of the page. */
export class ApplicationView {
  readonly #app: string | undefined
  readonly #steady = new Steady()
  /** What has ended does not change. */
  readonly #ended = new WeakMap<Flight, PageCheckout>()
  #code = new Map<string, readonly string[]>()

  /** @param app the name of the service, if there are several */
  constructor(app?: string) {
    this.#app = app
  }

  addTo(items: PageItems, { snapshot, recording, statistics }: ApplicationLook): void {
    const ids = this.#poolIds(
      snapshot.pools.map(({ name }) => name),
      recording,
    )
    const present = new Map(snapshot.checkouts.map((checkout) => [checkout.id, checkout]))
    const described = new Set<number>()
    snapshot.pools.forEach((pool, at) => {
      const id = ids[at] ?? pool.name
      addItem(items, 'pools', id, this.#pool(id, pool, recording[at]))
    })
    recording.forEach((pool, at) => {
      const id = ids[at] ?? pool.name
      this.#addLevels(items, id, pool.levels)
      for (const flight of pool.ended) {
        const item = this.#ended.get(flight) ?? this.#checkout(id, flight, undefined)
        this.#ended.set(flight, item)
        addItem(items, 'checkouts', item.id, item)
      }
      for (const flight of pool.open) {
        described.add(flight.id)
        const item = this.#checkout(id, flight, present.get(flight.id))
        addItem(items, 'checkouts', item.id, item)
      }
    })
    this.#addUnrecorded(items, snapshot, ids, described)
    this.#addFindings(
      items,
      snapshot.findings,
      ids,
      snapshot.pools.map(({ name }) => name),
    )
    if (statistics !== undefined) this.#addHolders(items, statistics)
    this.#steady.turn()
  }

  /** Two pools may have one name. */
  #poolIds(names: readonly string[], recording: readonly PoolRecording[]): string[] {
    const taken = new Map<string, number>()
    const all = recording.length > names.length ? recording.map(({ name }) => name) : names
    return all.map((name) => {
      const count = (taken.get(name) ?? 0) + 1
      taken.set(name, count)
      return this.#idOf(count === 1 ? name : `${name} (${count})`)
    })
  }

  #idOf(name: string): string {
    return this.#app === undefined ? shown(name) : `${this.#app}/${shown(name)}`
  }

  #pool(id: string, pool: Snapshot['pools'][number], recorded: PoolRecording | undefined): PagePool {
    const { name, max, total, idle, waiting, out, ending } = pool
    const { waitP95Millis, omitted } = recorded ?? {}
    const app = this.#app
    return present<PagePool>({
      ...{ id, name: shown(name), app, max, total, idle, waiting, out, ending, waitP95Millis, omitted },
    })
  }

  #addLevels(items: PageItems, pool: string, levels: readonly TimelineLevel[]): void {
    const pieces = new Map<number, [number, number, number][]>()
    for (const { at, out, used, waiting } of levels) {
      const from = Math.floor(at / levelsInPiece)
      const piece = pieces.get(from) ?? []
      pieces.set(from, piece)
      piece.push([at, used ?? out, waiting])
    }
    for (const [from, piece] of pieces) {
      const item: PageLevels = { pool, levels: piece }
      addItem(items, 'levels', `${pool}@${from}`, item)
    }
  }

  #checkout(pool: string, flight: Flight, now: CheckoutSnapshot | undefined): PageCheckout {
    const { id, slot, pid, queued, ending, origin, scope } = flight
    const steadily = (what: string, moment: number | undefined) =>
      moment === undefined || flight.endedAt !== undefined ? moment : this.#steady.at(`${id} ${what}`, moment)
    return present<PageCheckout>({
      ...{ id: this.#checkoutId(id), pool, slot, pid, queued, ending },
      requestedAt: steadily('requested', flight.requestedAt) ?? flight.requestedAt,
      acquiredAt: steadily('acquired', flight.acquiredAt),
      endedAt: flight.endedAt,
      place: placeOf(origin),
      within: origin?.functionName === undefined ? undefined : shown(origin.functionName),
      route: scope && shown(scope.name),
      scopeKind: scope && shown(scope.kind),
      scopeId: scope?.id === undefined ? undefined : shown(scope.id),
      transactions: flight.transactions.map(({ startedAt, endedAt }, at) => {
        const from = steadily(`transaction ${at}`, startedAt) ?? startedAt
        return endedAt === undefined ? [from] : [from, endedAt]
      }),
      now: now && this.#nowOf(now),
    })
  }

  #nowOf({
    id,
    transaction,
    idleMillis,
    queryCount,
    lastQuery,
    exemption,
    phase,
    ...rest
  }: CheckoutSnapshot) {
    const readAt = rest.requestedAt + rest.waitedMillis + rest.heldMillis
    return present<NonNullable<PageCheckout['now']>>({
      ...{ transaction, queryCount, phase },
      idleSince:
        idleMillis === 0 ? undefined : this.#steady.at(`${id} idle ${queryCount}`, readAt - idleMillis),
      lastQuery: lastQuery === undefined ? undefined : shown(lastQuery),
      exemption: exemption === undefined ? undefined : shown(exemption),
    })
  }

  /** Without a recording, only what is out now is known; each checkout gets a lane in the order of the snapshot. */
  #addUnrecorded(
    items: PageItems,
    { checkouts, pools }: ApplicationLook['snapshot'],
    ids: readonly string[],
    described: ReadonlySet<number>,
  ): void {
    const slots = new Map<string, number>()
    for (const checkout of checkouts) {
      if (described.has(checkout.id)) continue
      const pool = ids[pools.findIndex(({ name }) => name === checkout.pool)] ?? this.#idOf(checkout.pool)
      const isOut = checkout.acquiredAt !== undefined
      const slot = slots.get(pool) ?? 0
      if (isOut) slots.set(pool, slot + 1)
      const { transactionMillis, acquiredAt, heldMillis, origin, scope, pid } = checkout
      const flight: Flight = {
        ...{ id: checkout.id, requestedAt: checkout.requestedAt, queued: checkout.waitedMillis > 0 },
        ...(isOut ? { slot, acquiredAt } : {}),
        ...(pid === undefined ? {} : { pid }),
        ...(origin === undefined ? {} : { origin }),
        ...(scope === undefined ? {} : { scope }),
        transactions:
          transactionMillis === 0 || acquiredAt === undefined
            ? []
            : [{ startedAt: acquiredAt + heldMillis - transactionMillis }],
      }
      const item = this.#checkout(pool, flight, checkout)
      addItem(items, 'checkouts', item.id, item)
    }
  }

  #addFindings(
    items: PageItems,
    findings: readonly Finding[],
    ids: readonly string[],
    names: readonly string[],
  ): void {
    const code = new Map<string, readonly string[]>()
    for (const finding of findings) {
      const known = this.#code.get(finding.id) ?? codeOf(finding)
      code.set(finding.id, known)
      const pool = ids[names.indexOf(finding.pool)] ?? this.#idOf(finding.pool)
      const item = this.#finding(finding, pool, known)
      addItem(items, 'findings', item.id, item)
    }
    this.#code = code
  }

  #finding(finding: Finding, pool: string, code: readonly string[]): PageFinding {
    const { checkout, origin, scope, kind, certainty, remedy, outcome, fingerprint, occurrences } = finding
    const { openedAt, resolvedAt, holders = [], updates, supersededBy, traceId, left } = finding
    const text = (value: string | undefined) => (value === undefined ? undefined : shown(value))
    const idOf = (id: string | undefined) => (id === undefined ? undefined : this.#findingId(id))
    return present<PageFinding>({
      ...{ pool, kind, certainty, remedy, outcome, fingerprint, occurrences, openedAt, resolvedAt, traceId },
      id: this.#findingId(finding.id),
      app: this.#app,
      isLeak: isLeak(finding),
      checkout: this.#checkoutId(checkout.id),
      pid: checkout.pid,
      place: placeOf(origin ?? finding.transactionOrigin),
      transactionPlace: transactionPlaceOf(finding),
      eventPlace: placeOf(finding.eventOrigin),
      frames: (origin?.frames ?? []).map((frame) => `${placeOf(frame)}${within(frame)}`),
      areFramesUsual: origin?.callersVary === undefined ? undefined : true,
      route: text(scope?.name),
      scopeId: text(scope?.id),
      hint: shown(finding.hint),
      aftermath: text(finding.aftermath),
      left: left?.map(shown),
      holders: holders.map((holder) =>
        [holder.scope === undefined ? undefined : shown(holder.scope.name), placeOf(holder.origin)]
          .filter((part) => part !== undefined)
          .join(' '),
      ),
      lastQuery: text(checkout.lastQuery),
      outcomeDetail: text(finding.outcomeDetail),
      updates: idOf(updates),
      supersededBy: idOf(supersededBy),
      resolution: text(finding.resolution),
      docs: finding.docs,
      code: code.length === 0 ? undefined : code,
    })
  }

  #addHolders(items: PageItems, { origins, scopes }: Statistics): void {
    const add = (by: PageHolder['by'], pool: string, label: string, row: HoldStatistics) => {
      const { checkouts, heldMillis, busyShare, p95Millis, maxMillis } = row
      const id = `${this.#idOf(pool)} ${by} ${label}`
      const item = { id, by, label, checkouts, heldMillis, busyShare, p95Millis, maxMillis }
      addItem(items, 'holders', id, present<PageHolder>({ ...item, pool: this.#idOf(pool), app: this.#app }))
    }
    for (const { pool, origin, ...row } of origins.slice(0, mostHolders))
      add('line', pool, placeOf(origin) ?? '(other lines)', row)
    for (const { pool, scope, ...row } of scopes.slice(0, mostHolders))
      add('route', pool, scope === undefined ? '(no scope)' : shown(scope.name), row)
  }

  #checkoutId(id: number): string {
    return this.#app === undefined ? String(id) : `${this.#app}#${id}`
  }

  #findingId(id: string): string {
    return this.#app === undefined ? id : `${this.#app}#${id}`
  }
}

/** Without the column, which matters to editors alone. */
function placeOf(frame: Frame | Origin | undefined): string | undefined {
  return frame && shown(describeFrame(frame).replace(/:\d+$/, ''))
}

/** The line of BEGIN, or that of other transactions of the same checkout's line. */
function transactionPlaceOf({ transactionOrigin }: Finding): string | undefined {
  const place = placeOf(transactionOrigin)
  return transactionOrigin?.isUsual === true ? `usually ${place}` : place
}

function within({ functionName }: Frame): string {
  return functionName === undefined ? '' : ` in ${shown(functionName)}`
}

function codeOf({ eventOrigin, origin, transactionOrigin }: Finding): readonly string[] {
  const frame = eventOrigin ?? origin ?? transactionOrigin
  return frame === undefined ? [] : codeFrame(frame, plain)
}

import { type Finding, isLeak, mostResolved } from '../core/findings/finding.ts'
import { describeFrame } from '../core/origin/origin.ts'
import { describePool } from '../core/pool-record.ts'
import type { CheckoutSnapshot } from '../core/snapshot.ts'
import { describeMillis } from '../text/duration.ts'
import type { Service } from './ask-service.ts'
import { lookAt, type ServiceLook } from './service-look.ts'

export interface ServiceVerdict {
  readonly leaks: readonly Finding[]
  /** The reason why there may be further leaks that were not seen; undefined without one. */
  readonly blindness: string | undefined
}

export interface ServiceQuestion {
  readonly isIgnored: (finding: Finding) => boolean
  /** The time to wait for sessions that may still be released. */
  readonly settleMillis: number
  /** Considers only checkouts and findings in this time before the first look, on the service's clock. */
  readonly withinMillis: number | undefined
  readonly pause: (millis: number) => Promise<unknown>
}

const firstPauseMillis = 20
const longestPauseMillis = 1_000

/**
 * Asks an unused service for its leaks: repeatedly, with growing pauses, while clients are checked out that may still be
 * released.
 *
 * @throws ConnectionError
 */
export async function verdictOfService(
  service: Service,
  { isIgnored, settleMillis, withinMillis, pause }: ServiceQuestion,
): Promise<ServiceVerdict> {
  let look = await lookAt(service)
  const since = withinMillis === undefined ? Number.NEGATIVE_INFINITY : look.takenAt - withinMillis
  const unseen = new Map<string, number>()
  const isOut = (checkout: CheckoutSnapshot) =>
    checkout.exemption === undefined &&
    (checkout.acquiredAt ?? checkout.requestedAt) >= since &&
    !isIgnored(leftOut(checkout, look.takenAt, settleMillis))
  let left = settleMillis
  for (let next = firstPauseMillis; ; next = Math.min(2 * next, longestPauseMillis)) {
    noteUnseen(look, unseen)
    const isPending = look.checkouts.some(isOut) || [...unseen.values()].some((clients) => clients > 0)
    if (left <= 0 || !isPending) break
    const wait = Math.min(next, left)
    left -= wait
    await pause(wait)
    look = await lookAt(service)
  }
  const found = look.findings.filter((finding) => isLeak(finding) && finding.openedAt >= since)
  const known = new Set(found.map(({ checkout }) => checkout.id))
  const out = look.checkouts.filter(
    (checkout) => checkout.phase === 'out' && isOut(checkout) && !known.has(checkout.id),
  )
  return {
    leaks: [
      ...found.filter((finding) => !isIgnored(finding)),
      ...out.map((checkout) => leftOut(checkout, look.takenAt, settleMillis)),
    ],
    blindness: blindnessOf(look, unseen, since),
  }
}

/** The finding for a checkout that is still open when its work should be over. */
function leftOut(
  { pool, origin, transactionOrigin, scope, ...checkout }: CheckoutSnapshot,
  takenAt: number,
  settleMillis: number,
): Finding {
  const place = origin ?? transactionOrigin
  const wait = settleMillis > 0 ? ` after a wait of ${describeMillis(settleMillis)}` : ''
  return {
    id: `checkout ${checkout.id}`,
    kind: 'outlived-scope',
    certainty: 'certain',
    pool,
    checkout,
    ...(origin === undefined ? {} : { origin }),
    ...(transactionOrigin === undefined ? {} : { transactionOrigin }),
    ...(scope === undefined ? {} : { scope }),
    hint: `still checked out${wait}: release was not reached, or its work is still running`,
    remedy: 'report',
    fingerprint: `outlived-scope ${pool} ${place === undefined ? 'unknown place' : describeFrame(place)}`,
    occurrences: 1,
    docs: 'docs/findings.md#outlived-scope',
    openedAt: takenAt,
  }
}

/** Counts clients in use without a checkout. Statements of `pool.query` end, so the minimum of all looks counts. */
function noteUnseen({ pools }: ServiceLook, unseen: Map<string, number>): void {
  for (const { name, total = 0, idle = 0, out } of pools) {
    const clients = Math.max(0, total - idle - out)
    unseen.set(name, Math.min(unseen.get(name) ?? clients, clients))
  }
}

function blindnessOf(
  { pools, findings }: ServiceLook,
  unseen: ReadonlyMap<string, number>,
  since: number,
): string | undefined {
  if (pools.length === 0) {
    return 'its lifeguard watches no pool, so it sees nothing: call lifeguard.watch(pool) where the pool is created'
  }
  for (const [name, clients] of unseen) {
    if (clients === 0) continue
    const which = clients === 1 ? '1 client is' : `${clients} clients are`
    return `${describePool(name)}: ${which} in use that its lifeguard cannot see: checked out before the pool was watched, or still running a statement of pool.query`
  }
  // The last resolved ones are kept. If one of them resolved before the period, none of the period is missing.
  const resolved = findings.filter(({ resolvedAt }) => resolvedAt !== undefined)
  if (resolved.length >= mostResolved && resolved.every(({ resolvedAt }) => (resolvedAt ?? 0) >= since)) {
    return `it keeps only its last ${mostResolved} findings, and has had more: some may be missing`
  }
  return undefined
}

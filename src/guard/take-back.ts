import type { Checkout } from '../core/checkout.ts'
import type { Finding } from '../core/findings/finding.ts'
import type { FindingRecord } from '../core/findings/finding-record.ts'
import type { Ledger } from '../core/ledger.ts'
import { systemClock } from '../core/time/clock.ts'
import { settle } from '../core/time/settle.ts'
import { destroySession } from '../remedies/destroy.ts'
import { rollBack } from '../remedies/rollback.ts'
import { outlivedScope, outlivedStandby } from '../rules/outlived-scope.ts'

/** The limit of rounds: a waiting caller gets the client that was taken back from the previous owner. */
const mostRounds = 20
/** The time limit for a connection that is being opened. */
export const servedMillis = 1000

const outlived = outlivedScope(0)
const standby = outlivedStandby(0)

/** The open checkouts and waiting callers, without exempted ones. */
export function openCheckouts(ledger: Ledger, belongs: (checkout: Checkout) => boolean): Checkout[] {
  const found: Checkout[] = []
  for (const pool of ledger.pools) {
    for (const checkout of [...pool.out, ...pool.waiters]) {
      if (belongs(checkout) && ledger.exemptionOf(checkout) === undefined) found.push(checkout)
    }
  }
  return found
}

/**
 * Takes back the clients of these checkouts, and of callers that waited for them, except spared ones.
 *
 * @returns a finding for each of them
 */
export async function takeBackAll(
  ledger: Ledger,
  belongs: (checkout: Checkout) => boolean,
  isSpared: (finding: Finding) => boolean,
): Promise<Finding[]> {
  const leaks: FindingRecord[] = []
  const spared = new Set<Checkout>()
  for (let round = 0; round < mostRounds; round++) {
    const left = openCheckouts(ledger, belongs).filter(({ phase }) => phase === 'out')
    const next = left.filter((checkout) => !spared.has(checkout))
    if (next.length === 0) break
    for (const checkout of next) {
      const record = recordOf(ledger, checkout)
      if (record === undefined || isSpared(record.data())) {
        spared.add(checkout)
        continue
      }
      leaks.push(record)
      if (checkout.control?.isObserved === true) spared.add(checkout)
      else await takeBack(checkout, record)
    }
    // The caller that waited for the slot gets it, perhaps on a new connection.
    await settle(() => openCheckouts(ledger, belongs).some(({ phase }) => phase === 'waiting'), servedMillis)
  }
  return leaks.map((record) => record.data())
}

function recordOf({ findings, time }: Ledger, checkout: Checkout): FindingRecord | undefined {
  const { kind, certainty } = outlived
  const now = time.now()
  const hint =
    outlived.judge(checkout, now) ??
    standby.judge(checkout, now) ??
    'still checked out at the end: release was not reached, or is never called'
  return (
    findings.open({ kind, certainty, checkout, hint, remedy: 'destroy' }) ??
    findings.of(checkout).find(({ evidence }) => evidence.kind === kind)
  )
}

/** Ends the transaction before the connection, so that its locks are released before the next test. */
async function takeBack(checkout: Checkout, record: FindingRecord): Promise<void> {
  const { control } = checkout
  if (control === undefined || checkout.phase !== 'out') return
  const { reference } = record
  if (control.transaction !== 'idle') {
    await rollBack({ control, reference, clock: systemClock, completed: () => {} })
  }
  if (checkout.phase === 'out') await destroySession(control, reference, systemClock)
  record.remedied('destroyed', undefined)
}

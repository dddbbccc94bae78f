import { PoolExhaustedError } from '../errors.ts'
import { describeMillis } from '../text/duration.ts'
import { oneLine } from '../text/safe-text.ts'
import type { CheckoutPool } from './checkout.ts'
import type { Holder } from './findings/finding.ts'
import { describeFrame } from './origin/origin.ts'
import { describePool } from './pool-record.ts'
import type { ScopeData } from './scope.ts'
import { isInTransaction } from './transaction.ts'

/** The time-out messages of pg-pool, postgres-pool, tarn and sequelize-pool. */
const acquireTimeouts =
  /timeout exceeded when trying to connect|^timed out while waiting for available connection in pool$|^operation timed out for an unknown reason$|^(pool acquire )?operation timeout$/i

/** Whether it is a pool's error for a caller that got no client within the acquire timeout. */
export function isAcquireTimeout(error: unknown): error is Error {
  return error instanceof Error && acquireTimeouts.test(error.message)
}

/** Whether it is such an error, or a pool's error for a connection that did not open in time. */
export function isAnyTimeout(error: unknown): boolean {
  return (
    isAcquireTimeout(error) ||
    (error instanceof Error && /terminated due to connection timeout|^timeout expired$/i.test(error.message))
  )
}

/**
 * Adds the reason to the pool's own timeout error: `holders` as data, and a readable `cause`. The message stays the
 * same, because programs compare it.
 */
export function nameHolders(error: Error, pool: CheckoutPool, holders: readonly Holder[]): void {
  if (!Object.isExtensible(error) || Object.hasOwn(error, 'holders')) return
  // Not enumerable: a logger prints the cause of an error already, and would print the holders twice.
  Object.defineProperty(error, 'holders', { value: holders, configurable: true, writable: true })
  if (error.cause !== undefined) return
  Object.defineProperty(error, 'cause', {
    value: new PoolExhaustedError(exhaustionMessage(pool, holders)),
    configurable: true,
    writable: true,
  })
}

/** The holders of a pool's clients, one per line. */
export function exhaustionMessage(pool: CheckoutPool, holders: readonly Holder[]): string {
  const { total, max, waiting } = pool.gauge()
  const size = max ?? total ?? pool.out.size
  const taken = size === 1 ? 'the only client is taken' : `all ${size} clients are taken`
  const more = waiting === 0 ? '' : `, ${waiting} more ${waiting === 1 ? 'caller waits' : 'callers wait'}`
  const head = `${describePool(pool.name)}: ${taken}${more}`
  return [head, ...holders.map((holder) => `  - ${describeHolder(holder)}`)].join('\n')
}

/** `request GET /datasets/:id (id 7)` */
export function describeScope({ kind, name, id }: ScopeData): string {
  return `${kind} ${name}${id === undefined ? '' : ` (id ${id})`}`
}

/** The origin, the duration, the state and the last statement of a holder, on one line. */
export function describeHolder(holder: Holder): string {
  const parts = [holder.origin === undefined ? holder.via : describeFrame(holder.origin)]
  if (holder.scope !== undefined) parts.push(describeScope(holder.scope))
  if (holder.heldMillis !== undefined) parts.push(`held for ${describeMillis(holder.heldMillis)}`)
  if (isInTransaction(holder.transaction)) {
    const idle = holder.idleMillis ? `, idle for ${describeMillis(holder.idleMillis)}` : ''
    parts.push(`transaction ${holder.transaction}${idle}`)
  }
  if (holder.pid !== undefined) parts.push(`server pid ${holder.pid}`)
  if (holder.lastQuery !== undefined) parts.push(`last query: ${holder.lastQuery}`)
  if (holder.exemption !== undefined) parts.push(`exempted: ${holder.exemption}`)
  return oneLine(parts.join(', '))
}

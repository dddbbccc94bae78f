import { rejectUnknown, requireObject } from '../core/option-check.ts'
import { settle } from '../core/settle.ts'
import { OptionError } from '../errors.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { type IgnoreRule, ignoring } from './ignore.ts'
import { LeakCheckError, leakError } from './leak-error.ts'
import { auditFor } from './subject.ts'

export type { IgnoreRule, Pattern } from './ignore.ts'
export { LeakCheckError, LeakError } from './leak-error.ts'

export interface VerifyOptions {
  /** What is meant to be there. Its sessions are left alone. */
  readonly ignore?: readonly IgnoreRule[]
  /** How long to wait for what may still end well, before anybody is accused. Default 500. */
  readonly settleMillis?: number
}

export const defaultSettleMillis = 500

/**
 * Verifies that nothing is left behind: no session is checked out, and nothing was found that is certain. Waits for what
 * is on its way; sessions that are left all the same are taken back.
 *
 * @throws LeakError that names kind, line and likely cause; LeakCheckError if there is nothing it could see; OptionError
 *
 * @example
 * import { verifyNone } from 'pg-lifeguard/testing'
 *
 * await nightly()
 * await verifyNone(lifeguard)
 */
export async function verifyNone(lifeguard: Lifeguard, options: VerifyOptions = {}): Promise<void> {
  const audit = auditFor('verifyNone(lifeguard)', lifeguard)
  requireObject('verifyNone(lifeguard, options)', options)
  rejectUnknown('', options, ['ignore', 'settleMillis'])
  const isIgnored = ignoring(options.ignore)
  const settleMillis = checkedSettleMillis(options.settleMillis)
  const blindness = blindnessOf(lifeguard)
  if (blindness !== undefined) throw new LeakCheckError(blindness)
  const inspection = audit.everything()
  await settle(inspection.pending, settleMillis)
  const leaks = await inspection.conclude(isIgnored)
  if (leaks.length > 0) throw leakError(leaks, { framesByRunner: false })
}

/**
 * Says that the test which runs now leaves something behind on purpose. Its sessions are taken back all the same.
 *
 * @throws LeakCheckError outside of a test
 *
 * @example
 * it('survives a client that is never released', async () => {
 *   allowLeaks(lifeguard, 'the leak is what this test is about')
 *   await pool.connect()
 * })
 */
export function allowLeaks(lifeguard: Lifeguard, reason: string): void {
  const audit = auditFor('allowLeaks(lifeguard, reason)', lifeguard)
  if (typeof reason !== 'string' || reason.trim() === '') {
    throw new OptionError('allowLeaks(lifeguard, reason)', 'must be a text that says why', reason)
  }
  if (!audit.allow()) {
    throw new LeakCheckError('allowLeaks was called outside of a test that a leak check watches')
  }
}

/** @throws OptionError */
export function checkedSettleMillis(millis: number = defaultSettleMillis): number {
  if (typeof millis !== 'number' || !(millis >= 0 && millis <= 60_000)) {
    throw new OptionError('settleMillis', 'must be a number of milliseconds from 0 to 60000', millis)
  }
  return millis
}

/** Why a check of this lifeguard would pass whatever happens; nothing if it would not. */
export function blindnessOf(lifeguard: Lifeguard): string | undefined {
  const audit = auditFor('the leak check', lifeguard)
  const pools = audit.pools()
  if (pools.length === 0) {
    return 'the lifeguard watches no pool, so that a leak check sees nothing: call lifeguard.watch(pool) where the pool is made'
  }
  const unseen = pools.find((pool) => pool.unseen > 0)
  if (unseen !== undefined) {
    const clients = unseen.unseen === 1 ? '1 client was' : `${unseen.unseen} clients were`
    return `pool ${unseen.name} was in use before it was watched: ${clients} out already and cannot be seen; call lifeguard.watch(pool) where the pool is made`
  }
  if (audit.outAtClose !== undefined && audit.outAtClose > 0) {
    const sessions = audit.outAtClose === 1 ? '1 session was' : `${audit.outAtClose} sessions were`
    return `lifeguard.close() was called while ${sessions} checked out: verify before it`
  }
  return undefined
}

import type { Checkout } from '../core/checkout.ts'
import type { Work } from '../core/client-control.ts'
import { type Standby, standbyOf } from '../core/exemptions.ts'
import type { TimedRule } from '../core/findings/rule.ts'
import type { Scope } from '../core/scope.ts'
import { describeMillis } from '../text/duration.ts'
import { lostByLibrary } from './library-fault.ts'
import { secondClientHint } from './second-client.ts'

/** The scope of a checkout has ended, and its client was not released. */
export function outlivedScope(graceMillis: number): TimedRule {
  return {
    kind: 'outlived-scope',
    certainty: 'certain',
    dueAt: (checkout, now) => graceStart(checkout, now) + graceMillis,
    judge(checkout, now) {
      const endedAt = endOf(checkout, now, graceMillis)
      if (endedAt === undefined || standbyOf(checkout) !== undefined) return undefined
      return hint(checkout, now, endedAt)
    },
  }
}

/** The same of a session that may be open by design: it is neither a leak for certain, nor ended. */
export function outlivedStandby(graceMillis: number): TimedRule {
  return {
    kind: 'outlived-scope',
    certainty: 'suspected',
    reportsOnly: true,
    dueAt: (checkout, now) => graceStart(checkout, now) + graceMillis,
    judge(checkout, now) {
      const endedAt = endOf(checkout, now, graceMillis)
      const standby = endedAt === undefined ? undefined : standbyOf(checkout)
      if (endedAt === undefined || standby === undefined) return undefined
      const { scope } = checkout
      const kind = scope?.kind ?? 'scope'
      return `${endHint(scope, now, endedAt)}, and its session ${standing[standby]}: if it is to do so for longer than the ${kind}, exempt it, or check it out inside lifeguard.detach; else release it with the ${kind}`
    },
  }
}

const standing: Readonly<Record<Standby, string>> = {
  notifications: 'still listens',
  'advisory lock': 'still holds the advisory lock that its last statement has taken',
  replication: 'still streams replication',
}

/** The end of the scope, if the grace after it has passed. A client that is acquired after it gets a grace of its own. */
function endOf({ scope, acquiredAt }: Checkout, now: number, graceMillis: number): number | undefined {
  const endedAt = scope?.endedAt
  return endedAt === undefined || now - Math.max(endedAt, acquiredAt) < graceMillis ? undefined : endedAt
}

/** The start of the grace, which is `now` at the earliest for a scope that has not ended. */
function graceStart({ scope, acquiredAt }: Checkout, now: number): number {
  return scope === undefined ? Number.POSITIVE_INFINITY : Math.max(scope.endedAt ?? now, acquiredAt)
}

const unfinished: Readonly<Record<Exclude<Work, 'none'>, string>> = {
  query: 'its code is still running a statement',
  portal:
    'a cursor or query stream is open that nobody reads any more: close it when the response is aborted',
  copy: 'a COPY is running: destroy its stream when the response is aborted',
}

function hint(checkout: Checkout, now: number, endedAt: number): string {
  const { control, scope, sessionEnd } = checkout
  const end = endHint(scope, now, endedAt)
  if (sessionEnd !== undefined)
    return `${end}, and its connection is closed (only release frees the slot): ${sessionEnd.how}`
  const nested = secondClientHint(checkout, now)
  if (nested !== undefined) return `${end}, and ${nested}`
  if (checkout.acquiredAt > endedAt) return `${end}, and its code went on and acquired this client after that`
  const work = control?.work() ?? 'none'
  if (work !== 'none') return `${end}, and ${unfinished[work]}`
  if (checkout.queryCount === 0)
    return `${end}, and the client was never used: the code threw or returned before the first statement`
  if (checkout.destroyAt !== Number.POSITIVE_INFINITY)
    return `${end}, its transaction was rolled back by pg-lifeguard, and release was not reached: an early return`
  const fault = lostByLibrary(checkout)
  if (fault !== undefined) return `${end}; ${fault}`
  if (checkout.lastQueryFailed)
    return `${end}; its last statement failed and release was not reached: call release in finally`
  if (checkout.idleSince > endedAt)
    return `${end}, and its code sent statements after that: it ends before its work is done`
  if (control?.transaction !== 'idle' && control?.inherited !== true)
    return `${end}, and neither COMMIT, ROLLBACK nor release was reached: an early return`
  return `${end}, and release was not reached: an early return, or a branch without it`
}

function endHint(scope: Scope | undefined, now: number, endedAt: number): string {
  return `the ${scope?.kind ?? 'scope'} ended ${describeMillis(now - endedAt)} ago${ending(scope?.ending)}`
}

function ending(how: string | undefined): string {
  return how === undefined || how === 'ended' ? '' : ` (${how})`
}

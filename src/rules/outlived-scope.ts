import type { Checkout } from '../core/checkout.ts'
import type { Work } from '../core/client-control.ts'
import { isListening } from '../core/exemptions.ts'
import type { Rule } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'
import { lostByLibrary } from './library-fault.ts'
import { secondClientHint } from './second-client.ts'

/** The scope of a checkout has ended, and its client was not released. */
export function outlivedScope(graceMillis: number): Rule<Checkout> {
  return {
    kind: 'outlived-scope',
    certainty: 'certain',
    judge(checkout, now) {
      const endedAt = checkout.scope?.endedAt
      if (endedAt === undefined) return undefined
      // A client that is acquired after the end of the scope gets a grace of its own.
      if (now - Math.max(endedAt, checkout.acquiredAt) < graceMillis) return undefined
      return hint(checkout, now, endedAt)
    },
  }
}

const unfinished: Readonly<Record<Exclude<Work, 'none'>, string>> = {
  query: 'its code is still running a statement',
  portal:
    'a cursor or query stream is open that nobody reads any more: close it when the response is aborted',
  copy: 'a COPY is running: destroy its stream when the response is aborted',
}

function hint(checkout: Checkout, now: number, endedAt: number): string {
  const { control, scope, sessionEnd } = checkout
  const kind = scope?.kind ?? 'scope'
  const end = `the ${kind} ended ${describeMillis(now - endedAt)} ago${ending(scope?.ending)}`
  if (sessionEnd !== undefined)
    return `${end}, and its connection is closed (only release frees the slot): ${sessionEnd.how}`
  const nested = secondClientHint(checkout, now)
  if (nested !== undefined) return `${end}, and ${nested}`
  if (checkout.acquiredAt > endedAt) return `${end}, and its code went on and acquired this client after that`
  const work = control?.work() ?? 'none'
  if (work !== 'none') return `${end}, and ${unfinished[work]}`
  if (isListening(checkout))
    return `${end}, and its session still listens: release it with the ${kind}, or check it out inside lifeguard.detach if it is to listen for longer`
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

function ending(how: string | undefined): string {
  return how === undefined || how === 'ended' ? '' : ` (${how})`
}

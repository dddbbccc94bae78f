import type { Rule, Wait } from '../core/findings/rule.ts'
import { describeMillis } from '../text/duration.ts'

/** A caller waits for a client of a full pool. Without a limit only the pool's own timeout counts. */
export function poolExhausted(limitMillis: number | false): Rule<Wait> {
  return {
    kind: 'pool-exhausted',
    certainty: 'suspected',
    judge(wait, now) {
      const waited = now - wait.checkout.requestedAt
      if (!wait.gaveUp && (limitMillis === false || waited < limitMillis)) return undefined
      return hint(wait, waited)
    },
  }
}

function hint({ gaveUp, occupation }: Wait, waited: number): string {
  const { gauge, held, passing, unseen } = occupation()
  const size = gauge.max ?? gauge.total ?? held
  const parts = [`${held} of ${size} ${size === 1 ? 'client is' : 'clients are'} checked out`]
  if (passing > 0)
    parts.push(passing === 1 ? '1 runs a statement of pool.query' : `${passing} run statements of pool.query`)
  if (unseen > 0) parts.push(`${unseen} since before the pool was watched`)
  return `a caller ${gaveUp ? 'gave up after' : 'has been waiting for'} ${describeMillis(waited)}: ${parts.join(', ')}`
}
